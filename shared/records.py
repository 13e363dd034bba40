"""The records of a job. Services of older and newer versions read them as well."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.messages import BlobCreated, Count, JobId, Model, Number, Trace

#: The workload of records that were written before there were several.
FIRST_WORKLOAD = "video"


class Record(BaseModel):
    """A record ignores unknown fields, so that older services can read what newer ones write."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(Record):
    container: str
    blob: str
    etag: str
    size: int
    md5: str = ""

    @classmethod
    def of(cls, event: BlobCreated) -> Self:
        return cls(
            container=event.container,
            blob=event.blob,
            etag=event.data.e_tag,
            size=event.data.content_length,
            md5=event.data.content_md5,
        )


class Span(Record):
    """The part of its source that a segment covers, in the workload's unit, without `stop`."""

    start: int
    stop: int
    items: Count


class Job(Record):
    """`detail` is for the workload's code only.

    At most `window` segments are in flight at a time (shared/segment_window.py).
    """

    job: JobId
    trace: Trace
    workload: str = FIRST_WORKLOAD
    source: Source
    model: Model
    created: datetime
    #: When its input was dropped, as far as its announcement says.
    dropped: datetime | None = None
    segments: list[Span] = Field(min_length=1)
    window: int = Field(100_000, ge=1)
    #: How many items each shard has but a segment's last; 0 if they aren't of one size.
    shard_items: int = 0
    detail: dict[str, Any] = {}

    @property
    def items(self) -> int:
        return sum(span.items for span in self.segments)

    def items_after(self, segment: int) -> int:
        return sum(span.items for span in self.segments[segment + 1 :])


class Spent(Record):
    """What a part of the work used."""

    seconds: float = 0
    cpu_seconds: float = 0


class Segment(Record):
    job: JobId
    segment: Number
    items: Count
    shards: Count
    #: By splitting it.
    spent: Spent = Spent()
    detail: dict[str, Any] = {}


class Times(Record):
    """How long it took. The stages add up to `seconds`; `seconds_beside` ran in parallel."""

    seconds: float
    seconds_per_item: float
    seconds_by_stage: dict[str, float]
    seconds_beside: dict[str, float]


class ChunkReport(Record):
    """How one chunk was scored; `detail` is the scorer's own."""

    job: JobId
    segment: Number
    chunk: Number
    items: int
    skipped_shards: int
    worker: str
    device: str
    times: Times
    detail: dict[str, Any] = {}


class Summary(Record):
    """Where a job's time and CPU went, by stage: split, score, join and finish.

    Stages of several segments run side by side. The price is that of the workers' time.
    """

    seconds: float
    by_stage: dict[str, Spent]
    seconds_per_item: dict[str, float]
    node_dollars: float


class Result(Record):
    job: JobId
    workload: str = FIRST_WORKLOAD
    source: str
    output: str
    items: int
    notes: list[str] = []
    created: datetime
    finished: datetime
    summary: Summary | None = None
    state: Literal["finished"] = "finished"


FailureState = Literal["refused", "failed", "cancelled"]


class Failure(Record):
    job: JobId
    source: str | None
    state: FailureState
    reason: str
    at: datetime


Outcome = Result | Failure
OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Annotated[Outcome, Field(discriminator="state")])
