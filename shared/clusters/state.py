"""What a cluster, its jobs and its workers are doing, the same for every kind of cluster."""

from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel


class WorkerState(NamedTuple):
    """One worker, as the cluster reports it; `asked` is when its job was created."""

    name: str
    asked: datetime
    started: datetime | None = None
    ended: datetime | None = None
    failed: bool = False
    why: str | None = None


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


class ScoredItems(BaseModel):
    """The items of one job that a worker scored: ranges, counted from 0, ends included."""

    source: str
    job: str
    items: int
    ranges: list[tuple[int, int]]
    seconds: float


class ClusterJob(BaseModel):
    """`state` is one of queued, running, terminating, succeeded, failed and stopped."""

    name: str
    state: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    why: str | None = None
    #: Only where the job reports it.
    scored: list[ScoredItems] = []

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed", "stopped")


class ClusterView(BaseModel):
    """What `impasto cluster show` prints."""

    cluster: ClusterState
    jobs: list[ClusterJob]


class ReplicasView(BaseModel):
    """What it prints where workers are replicas, of which only the highest number is known."""

    replicas: int
    chunks: int
