"""The interface of workloads: what knows the contents of files, so that the services needn't.

A package registers a workload by an entry point of the group `impasto.workloads`, which is an
object of a subclass of `Workload`. Each service asks it for its part: the splitter for a
`Splitting`, the scorer for a `Scoring` and perhaps a `Learning`, the stitcher for a `Stitching`.
Modules with heavy libraries are imported only when the part is asked for.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from shared.errors import Misconfigured
from shared.records import Job, Segment, Source, Span
from shared.scorer import Scorer
from shared.shards import Item

if TYPE_CHECKING:  # a sandbox imports this module, and has no use for storage
    from shared.messages import BlobCreated
    from shared.models import Model
    from shared.pages import Pages
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
    #: How many items each shard has but a segment's last; 0 if they aren't of one size.
    shard_items: int = 0


class Made(NamedTuple):
    """A job's outputs, each a file by the blob's name, the main one first."""

    files: dict[str, Path]
    notes: list[str]
    #: Called when they are written, and before the job is finished; again if that fails.
    announce: Callable[[], None] | None = None


class Checkpoint(NamedTuple):
    """How far a lesson is, and the model as it is then."""

    step: int
    steps: int
    data: bytes
    #: What people may look at of the model as it is then, by file name.
    shown: Mapping[str, bytes] = {}


class Program(NamedTuple):
    """A command of `impasto`: a module that is run with the command's arguments."""

    module: str
    help: str


class Splitting(Protocol):
    """The splitter's part. It raises Refused, Changed or Missing for bad input."""

    #: How the reason begins if a job fails because its input can't be read.
    failure: str

    def plan(self, event: "BlobCreated", check: Check) -> Plan:
        """Cut what was announced into segments."""

    def split(self, job: Job, segment: int, write: WriteShard, check: Check) -> Segment:
        """Write the segment's shards, numbered from 0. Done again, it writes the same."""

    def close(self) -> None:
        """Called once, at the service's end."""


class Scoring(Protocol):
    """The scorer's part."""

    def scorer(self, model: str) -> Scorer[Any]:
        """The scorer of a job's model. Raises Reject if there is none."""


class Learning(Protocol):
    """The scorer's part in lessons."""

    def learn(self, data: bytes, last: Checkpoint | None, check: Check) -> Iterator[Checkpoint]:
        """Learn a model from a blob's content; continue from the last checkpoint, if there is one.

        The last checkpoint that it yields has the model. Raises Refused if the blob is no good.
        """

    def model(self, name: str, checkpoint: Checkpoint, source: str) -> "Model":
        """The model to publish; `source` is the ETag of the blob that it was learnt from."""

    def close(self) -> None:
        """Called once, at the service's end."""


class Stitching(Protocol):
    """The stitcher's part. It raises Refused, Changed or Missing for bad input."""

    def join(self, job: Job, segment: Segment, items: Iterator[Item], path: Path) -> None:
        """Write the segment's scored items, of which there is at least one, to a file."""

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
    #: What people call items and a model, and how they start a job.
    items: str
    model: str
    how_to: str
    #: The container of what models are learnt from, each from one blob; None if there is none.
    lessons: str | None = None
    #: Whether each new blob of `input` is announced.
    announces_blobs: bool = True
    #: The commands that `impasto` has for this workload, by name.
    programs: ClassVar[Mapping[str, Program]] = {}

    @abstractmethod
    def splitting(self, storage: "Storage") -> Splitting: ...

    @abstractmethod
    def scoring(self, storage: "Storage") -> Scoring: ...

    @abstractmethod
    def stitching(self, storage: "Storage") -> Stitching: ...

    def learning(self) -> Learning:
        """The part in lessons; only asked for if there are `lessons`."""
        raise Misconfigured(f"the workload {self.name} has no part in lessons")

    def require_model(self, storage: "Storage", model: str) -> None:
        """Raise Refused, or NotYet while it is being learnt, if no job can have this model."""
        from shared.models import Models

        Models(storage, self.lessons).require(model)

    def shipped_models(self) -> "list[Model]":
        """The models that come with the package."""
        return []

    def pages(self, storage: "Storage") -> "Pages | None":
        """What it adds to the web service's pages; None if that is nothing."""
        return None

    def due(self, storage: "Storage", now: datetime) -> "list[BlobCreated]":
        """The jobs that are due by the clock, in the order in which they are to be done."""
        return []
