"""The messages of a child. The parent validates each before it acts on it.

The parent sends `{"kind": "task", "task": …, "args": …}` and answers Open (with `size`), Read and
ReadBack (with the bytes). Write and Truncate have no answer: an error ends the run.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

#: Bytes per read or write.
MOST_RANGE = 4 << 20
#: Characters of an error.
MOST_TEXT = 10_000

Offset = Annotated[int, Field(ge=0, lt=2**62)]


class ChildMessage(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Ready(ChildMessage):
    kind: Literal["ready"]
    #: Why the child isn't confined; None if it is.
    unconfined: Annotated[str, Field(max_length=MOST_TEXT)] | None


class Open(ChildMessage):
    kind: Literal["open"]
    file: str


class Read(ChildMessage):
    kind: Literal["read"]
    file: str
    start: Offset
    length: int = Field(gt=0, le=MOST_RANGE)


class Write(ChildMessage):
    """Write the bytes after the header to the output."""

    kind: Literal["write"]
    start: Offset


class ReadBack(ChildMessage):
    """Read from the output."""

    kind: Literal["read back"]
    start: Offset
    length: int = Field(gt=0, le=MOST_RANGE)


class Truncate(ChildMessage):
    """Truncate the output to nothing."""

    kind: Literal["truncate"]


class Item(ChildMessage):
    """One result of the task; the bytes after the header belong to it."""

    kind: Literal["item"]
    value: Any


class End(ChildMessage):
    kind: Literal["end"]


class Failed(ChildMessage):
    kind: Literal["failed"]
    how: Literal["refused", "memory", "error"]
    text: Annotated[str, Field(max_length=MOST_TEXT)]


AnyMessage = Ready | Open | Read | Write | ReadBack | Truncate | Item | End | Failed
ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="kind")])
