"""What all backends do for a person's commands."""

from typing import Any

from shared.clusters.state import ClusterState
from shared.errors import Missing


def given(nodes: int | None) -> dict[str, Any]:
    """The settings that a command line changes."""
    return {} if nodes is None else {"nodes": nodes}


def existing(state: ClusterState | None) -> ClusterState:
    if state is None:
        raise Missing("the cluster doesn't exist; `impasto cluster create` creates it")
    return state
