"""The events of clusters and workers: services log them, and `impasto run` prints them."""

import logging
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shared.logs import logger

#: How the reason begins of a job that was stopped, which Batch AI counts as failed.
WAS_TERMINATED = "the job was terminated: "


class Event(BaseModel):
    level: ClassVar[int] = logging.INFO
    event: str

    def log(self) -> None:
        fields = self.model_dump(exclude={"event"}, exclude_none=True)
        logger().log(self.level, self.event, **fields)

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The event for a person."""


class ClusterResized(Event):
    event: Literal["cluster resized"] = "cluster resized"
    cluster: str | None = None
    before: int
    nodes: int

    @property
    def sentence(self) -> str:
        return f"cluster {self.cluster or 'of workers'}: {self.before} → {self.nodes} nodes"


class NodeFailed(Event):
    level = logging.WARNING
    event: Literal["node failed"] = "node failed"
    cluster: str
    node: str

    @property
    def sentence(self) -> str:
        return f"{self.node}: {self.event}"


class JobStarted(Event):
    event: Literal["job started"] = "job started"
    job: str
    node: str

    @property
    def sentence(self) -> str:
        return f"{self.job} started on {self.node}"


class JobRequeued(Event):
    level = logging.WARNING
    event: Literal["job queued again: its node is gone"] = "job queued again: its node is gone"
    job: str

    @property
    def sentence(self) -> str:
        return f"{self.job}: {self.event}"


class JobEnded(Event):
    event: Literal["job ended"] = "job ended"
    job: str
    state: str
    exit_code: int | None = None
    why: str | None = None

    @property
    def sentence(self) -> str:
        why = self.why or ""
        state = "stopped" if why.startswith(WAS_TERMINATED) else self.state
        return f"{self.job} {state}{reason(why.removeprefix(WAS_TERMINATED))}"


class WorkerAskedFor(Event):
    event: Literal["worker asked for"] = "worker asked for"
    worker: str

    @property
    def sentence(self) -> str:
        return f"{self.worker}: asked for"


class WorkerLeft(Event):
    event: Literal["worker left"] = "worker left"
    worker: str

    @property
    def sentence(self) -> str:
        return f"{self.worker}: left"


class WorkerFailed(Event):
    level = logging.WARNING
    event: Literal["worker failed"] = "worker failed"
    worker: str
    why: str | None
    log_end: str

    @property
    def sentence(self) -> str:
        return f"{self.worker}: failed{reason(self.why)}"


AnyEvent = (
    ClusterResized
    | NodeFailed
    | JobStarted
    | JobRequeued
    | JobEnded
    | WorkerAskedFor
    | WorkerLeft
    | WorkerFailed
)
EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="event")])


def event_in(line: bytes) -> AnyEvent | None:
    """The event in a line of a log, if it is one of these."""
    try:
        return EVENTS.validate_json(line)
    except ValidationError:
        return None


def reason(why: str | None) -> str:
    return f": {why}" if why else ""
