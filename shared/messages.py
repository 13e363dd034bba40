"""The messages that services send each other, in the order of the flow.

BlobCreated     a blob, or a window of blobs, is there  trigger → splitter or scorer
SegmentPlanned  a segment may be split into shards      splitter or dispatcher → splitter
SegmentReady    its shards are in storage               splitter → dispatcher
ChunkPlanned    some of its shards may be scored        dispatcher → scorer
ChunkScored     these shards are scored                 scorer → stitcher
Poisoned        a message can't be handled              any service → a person

Messages name jobs, segments, shards and chunks, and know nothing of what is in them. They are sent
as JSON in base64, as Event Grid and Azure Functions do.
"""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from shared import names
from shared.errors import Malformed, TooBig

#: Azure's limit on a message, in base64.
LARGEST_BODY = 64 * 1024

SUBJECT = r"(?s)^/blobServices/default/containers/[^/]+/blobs/.+$"

JobId = Annotated[str, StringConstraints(pattern=names.JOB_PATTERN)]
Trace = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Model = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Number = Annotated[int, Field(ge=0, lt=100_000)]
Count = Annotated[int, Field(ge=0, lt=10_000_000)]


class Body(BaseModel):
    """The body of any message."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class BlobData(Body):
    """A blob as Azure's event describes it; for a renamed blob, without ETag and length."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)

    api: str = ""
    url: str = ""
    e_tag: str = ""
    content_length: int = 0
    #: In base64, if storage knows it. Only our own announcements have it.
    content_md5: str = ""


def either(event_grid: str, cloud_event: str) -> AliasChoices:
    return AliasChoices(event_grid, cloud_event)


class BlobCreated(Body):
    """A blob was uploaded, renamed, or its directory was: Event Grid's event, or a CloudEvent.

    Azure decides on its fields, so unknown fields are ignored. Our own `Impasto.WindowDue` says
    that all blobs of a window are there; its `blob` is the window's name.
    """

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)

    id: Trace
    spec_version: Literal["1.0"] | None = Field(None, alias="specversion", exclude=True)
    topic: str = Field("", validation_alias=either("topic", "source"))
    subject: Annotated[str, StringConstraints(pattern=SUBJECT)]
    event_type: Literal[
        "Microsoft.Storage.BlobCreated",
        "Microsoft.Storage.BlobRenamed",
        "Microsoft.Storage.DirectoryRenamed",
        "Impasto.WindowDue",
    ] = Field(validation_alias=either("eventType", "type"))
    event_time: datetime = Field(validation_alias=either("eventTime", "time"))
    data: BlobData
    data_version: str = ""
    metadata_version: str = "1"

    @model_validator(mode="after")
    def _has_version(self) -> Self:
        if self.event_type == "Microsoft.Storage.BlobCreated" and not self.data.e_tag:
            raise ValueError("data has no eTag")
        return self

    @property
    def is_only_created(self) -> bool:
        """Whether the file was only created: when it is written, there is another event."""
        return self.data.api == "CreateFile" and self.data.content_length == 0

    @property
    def is_directory(self) -> bool:
        return self.event_type == "Microsoft.Storage.DirectoryRenamed"

    @property
    def is_window(self) -> bool:
        return self.event_type == "Impasto.WindowDue"

    @property
    def container(self) -> str:
        return self.subject.split("/", 5)[4]

    @property
    def blob(self) -> str:
        """The blob's name. The subject has it unquoted, the URL quoted."""
        return self.subject.split("/", 6)[6]

    @property
    def job(self) -> str:
        if self.is_window:
            return names.window_job(self.container, self.blob)
        return names.job_id(self.blob, self.data.e_tag)

    @property
    def trace(self) -> str:
        return self.id

    @classmethod
    def of(
        cls,
        *,
        event_id: str,
        url: str,
        container: str,
        blob: str,
        etag: str,
        size: int,
        at: datetime,
        md5: str = "",
    ) -> "BlobCreated":
        return cls(
            id=event_id,
            topic=urlsplit(url).netloc,
            subject=f"/blobServices/default/containers/{container}/blobs/{blob}",
            event_type="Microsoft.Storage.BlobCreated",
            event_time=at,
            data=BlobData(
                url=url, e_tag=names.plain_etag(etag), content_length=size, content_md5=md5
            ),
        )


class Message(Body):
    """A message of our own. It belongs to a job, and its unknown fields are errors."""

    version: Literal[1] = 1
    #: W3C's `traceparent` of the span that sent it. In messages of older versions, and of those who
    #: send them outside of a span, the id of Event Grid's event.
    trace: Trace
    job: JobId


class SegmentPlanned(Message):
    """The segment may be split into shards."""

    segment: Number


class SegmentReady(Message):
    """The segment's shards are in storage; there may be none, if the input is damaged."""

    segment: Number
    items: Count
    shards: Count


class ChunkPlanned(Message):
    """A worker may score these shards of the segment."""

    segment: Number
    chunk: Number
    model: Model
    first_shard: Number
    shards: Count


class ChunkScored(Message):
    """The chunk's shards are scored and in storage."""

    segment: Number
    chunk: Number


class Poisoned(Body):
    """A message that can't be handled, with what a person needs to judge it."""

    version: Literal[1] = 1
    queue: str
    message_id: str
    reason: str
    error: str | None = None
    attempts: int
    worker: str
    at: datetime
    job: str | None = None
    body: str | None
    body_blob: str | None = None


B = TypeVar("B", bound=Body)


def encode(body: Body) -> str:
    text = base64.b64encode(body.model_dump_json(by_alias=True).encode()).decode()
    if len(text) > LARGEST_BODY:
        raise TooBig(
            f"a {type(body).__name__} of {len(text):,} bytes is over the queue's {LARGEST_BODY:,}; "
            "store large data in a blob and send its name"
        )
    return text


def decode(text: str, kind: type[B]) -> B:
    """Parse a body. Raises Malformed, with the reason, and nothing else."""
    try:
        payload = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Malformed(f"the body isn't base64: {error}") from error
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise Malformed(f"not a {kind.__name__}: {_place(first)}{first['msg']}") from error


def _place(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"])
    return f"{where}: " if where else ""
