"""Finding the backend of a cluster by its name."""

from importlib import import_module
from typing import Any, get_args

from shared.clusters.backend import Backend
from shared.clusters.settings import ClusterKind, ClusterSettings, WorkerSettings


def backend(kind: ClusterKind) -> Backend[Any]:
    found: Backend[Any] = import_module(f"shared.clusters.{kind}.backend").BACKEND
    return found


def backends() -> list[Backend[Any]]:
    return [backend(kind) for kind in get_args(ClusterKind)]


def chosen() -> Backend[Any]:
    """The backend that IMPASTO_CLUSTER names."""
    return backend(ClusterSettings().cluster)


def worker_settings() -> WorkerSettings:
    """The settings of the backend that IMPASTO_CLUSTER names."""
    settings: WorkerSettings = chosen().settings()
    return settings
