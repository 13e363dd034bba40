"""The settings that all clusters share, and checks of what only some of them need."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import work_endpoint

#: Each is a folder beside this file, whose `backend` module has a `BACKEND`.
ClusterKind = Literal["batchai", "azureml", "ray", "queue"]


class ClusterSettings(Settings):
    cluster: ClusterKind = Field(
        "batchai",
        description="What runs the workers: jobs of one of these services or, with `queue`,"
        " replicas that Compose or Kubernetes keeps.",
    )
    nodes: int = Field(
        1,
        ge=1,
        le=10_000,
        description="The most workers that may run; on Ray, unless set, as many as have room.",
    )


class WorkerSettings(ClusterSettings):
    """What the dispatcher has to know, whatever the cluster."""

    worker_image: str | None = Field(
        None, description="The container image that workers run in; empty: they run on the node."
    )
    worker_command: str = Field(
        "exec python -m services.scorer",
        description="What starts a worker on its node; `exec`, so that its exit code is the job's.",
    )
    worker_hours: float = Field(
        168,
        gt=0,
        le=366 * 24,
        description="How long one worker may run before its node ends it; a year at most.",
    )
    worker_logs: str = Field(
        "$AZ_BATCHAI_MOUNT_ROOT/logs", description="Where on a node workers' output is kept."
    )
    keep_ended_workers: int = Field(
        100,
        ge=1,
        le=10_000,
        description="How many ended workers' jobs and logs are kept.",
    )
    lesson_workers: int = Field(
        4,
        ge=1,
        le=10_000,
        description="The most workers that are started for models to be learnt.",
    )
    worker_tries: int = Field(
        6,
        ge=1,
        le=10_000,
        description="How many workers in a row may fail before the jobs that wait for them fail.",
    )
    node_seconds: float = Field(
        1800,
        gt=0,
        le=366 * 24 * 3600,
        description="How long the cluster may provide no node, or not answer, while no worker is"
        " working, before the jobs that wait for workers fail.",
    )


class AzureSettings(WorkerSettings):
    subscription: str = Field("impasto", description="The subscription that the cluster is in.")
    resource_group: str = Field("impasto", description="The resource group that it is in.")
    workspace: str = Field("impasto", description="The workspace that it is in.")
    cluster_name: str = Field("painters", description="The cluster's name.")
    experiment: str = Field("scoring", description="The experiment that workers' jobs belong to.")
    vm_size: str = Field("STANDARD_NC4AS_T4_V3", description="The size of a node.")
    vm_priority: Literal["dedicated", "lowpriority"] = Field(
        "dedicated",
        description="Nodes of low priority cost less, and Azure may take them away again.",
    )


def require(settings: ClusterSettings, *names: str) -> None:
    missing = [
        f"IMPASTO_{name.upper()}"
        for name in names
        if name not in settings.model_fields_set or not getattr(settings, name)
    ]
    if missing:
        raise Misconfigured(
            f"IMPASTO_CLUSTER is {settings.cluster}, which needs {' and '.join(missing)} as well"
        )


@contextlib.contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Report an import that fails as the name of the extra that installs the package."""
    try:
        yield
    except ImportError as error:
        raise Misconfigured(
            f"IMPASTO_CLUSTER is {extra}, and {error.name} isn't installed;"
            f" install this package's extra `{extra}`"
        ) from error


def fleet(settings: Settings) -> str:
    """The prefix of the names of our workers' jobs, made from the work account's endpoint.

    It distinguishes them from those of other stacks on the same cluster. It doesn't depend on the
    account's key, so that workers are still found after the key has changed.
    """
    return "impasto-" + hashlib.sha256(work_endpoint(settings).encode()).hexdigest()[:8]
