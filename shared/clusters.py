"""Clusters that workers run on: which one is meant, and what it and its jobs are at."""

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import work_endpoint


class ClusterSettings(Settings):
    cluster: Literal["batchai", "azureml", "ray", "queue"] = Field(
        "batchai",
        description="What runs the workers: jobs of one of these services, or, with `queue`,"
        " no jobs: replicas that something else keeps.",
    )
    nodes: int = Field(
        1,
        ge=1,
        le=10_000,
        description="How many workers there may be; on Ray, if unsaid, as many as it has room for.",
    )


class AzureSettings(ClusterSettings):
    subscription: str = Field("impasto", description="The subscription that the cluster is in.")
    resource_group: str = Field("impasto", description="The resource group that it is in.")
    workspace: str = Field("impasto", description="The workspace that it is in.")
    cluster_name: str = Field("painters", description="The cluster's name.")
    experiment: str = Field("scoring", description="The experiment that workers' jobs belong to.")
    vm_size: str = Field("STANDARD_NC4AS_T4_V3", description="The size of a node.")
    vm_priority: Literal["dedicated", "lowpriority"] = Field(
        "dedicated", description="Whether nodes may be taken away again, and cost less."
    )


class ClusterState(BaseModel):
    name: str
    allocation: str
    vm_size: str | None
    minimum: int
    maximum: int
    nodes: int
    idle: int
    running: int
    preparing: int
    leaving: int
    unusable: int
    errors: list[str]


class PaintedFrames(BaseModel):
    """What one worker has painted of one video: ranges of frames, counted from 0, ends included."""

    video: str
    job: str
    frames: int
    ranges: list[tuple[int, int]]
    seconds: float


class JobState(BaseModel):
    """Its state is one of queued, running, terminating, succeeded, failed and stopped."""

    name: str
    state: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    why: str | None = None
    #: Only where the job keeps a report of it.
    painted: list[PaintedFrames] = []

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed", "stopped")


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
    """Round an import that only those need who have such a cluster."""
    try:
        yield
    except ImportError as error:
        raise Misconfigured(
            f"IMPASTO_CLUSTER is {extra}, and {error.name} isn't installed;"
            f" the extra `{extra}` of this package brings it"
        ) from error


def fleet(settings: Settings) -> str:
    """What tells our workers from others' on the same cluster: the work account that they serve.

    Its endpoint, not its key: workers are still known when the key has been changed. Earlier
    versions hashed the whole connection string; workers that they started on Ray aren't counted
    any more, take chunks like the others, and leave by themselves.
    """
    return "impasto-" + hashlib.sha256(work_endpoint(settings).encode()).hexdigest()[:8]
