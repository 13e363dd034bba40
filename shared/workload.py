"""The interface of workloads: what knows the contents of files, so that the services needn't.

A package registers a workload by an entry point of the group `impasto.workloads`, which is an
object of a subclass of `Workload`. Each service asks it for its part: the splitter for a
`Splitting`, the scorer for a `Scoring`, the stitcher for a `Stitching`. Modules with heavy
libraries are imported only when the part is asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from shared.messages import BlobCreated
from shared.records import Job, Segment, Source, Span
from shared.scorer import Scorer
from shared.shards import Item
from shared.storage import Storage

#: Called often by whatever takes long. Raises an error if the work has to stop.
Check = Callable[[], None]
#: Stores a shard of a segment: its number, and a tar as `shared.shards.pack` makes it.
WriteShard = Callable[[int, bytes], None]


class Plan(NamedTuple):
    """What a job consists of. `detail` is recorded for the workload itself."""

    source: Source
    model: str
    segments: list[Span]
    detail: dict[str, Any]


class Made(NamedTuple):
    """A job's outputs, each a file by the blob's name, the main one first."""

    files: dict[str, Path]
    notes: list[str]


class Splitting(Protocol):
    """The splitter's part. `plan` and `split` raise Refused, Changed or Missing for bad input."""

    def plan(self, event: BlobCreated, check: Check) -> Plan:
        """Cut what was announced into segments."""

    def split(self, job: Job, segment: int, write: WriteShard, check: Check) -> Segment:
        """Write the segment's shards, numbered from 0. Done again, it writes the same."""

    def close(self) -> None:
        """Called once, at the service's end."""


class Scoring(Protocol):
    """The scorer's part."""

    def scorer(self, model: str) -> Scorer[Any]:
        """The scorer of a job's model. Raises Reject if there is none."""


class Stitching(Protocol):
    """The stitcher's part."""

    def join(self, job: Job, segment: Segment, items: Iterator[Item], path: Path) -> None:
        """Write the segment's scored items to a file."""

    def finish(
        self, job: Job, segments: Sequence[Segment], sizes: Sequence[int], path: Path, check: Check
    ) -> Made:
        """Make the job's outputs in the folder `path` from its joined segments of these sizes."""

    def close(self) -> None:
        """Called once, at the service's end."""


class Workload(ABC):
    name: str
    #: The container of what is announced, and of the outputs.
    input: str
    output: str
    #: What people call an item and a model.
    items: str
    model: str
    #: The container of what models are learnt from, each from one blob; None if there is none.
    lessons: str | None = None
    #: Whether each new blob of `input` is announced.
    announces_blobs: bool = True

    @abstractmethod
    def splitting(self, storage: Storage) -> Splitting: ...

    @abstractmethod
    def scoring(self, storage: Storage) -> Scoring: ...

    @abstractmethod
    def stitching(self, storage: Storage) -> Stitching: ...

    def due(self, storage: Storage, now: datetime) -> list[BlobCreated]:
        """The jobs that are due by the clock, in the order in which they are to be done."""
        return []
