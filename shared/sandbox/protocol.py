"""What a child may say. The parent checks each message against these before it acts on it.

To the child go `{"kind": "task", "task": …, "args": …}`, and an answer to each Open (`size`) and
to each Read (the bytes). Nothing answers a Write: where it fails, the run has ended.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

#: Of what is read or written at once.
MOST_RANGE = 4 << 20
#: Of an error's text.
MOST_TEXT = 10_000

Place = Annotated[int, Field(ge=0, lt=2**62)]


class Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Ready(Said):
    kind: Literal["ready"]
    #: In words, why it is not confined; None where it is.
    unconfined: Annotated[str, Field(max_length=MOST_TEXT)] | None


class Open(Said):
    kind: Literal["open"]
    file: str


class Read(Said):
    kind: Literal["read"]
    file: str
    start: Place
    length: int = Field(gt=0, le=MOST_RANGE)


class Write(Said):
    """The bytes after it, to the output."""

    kind: Literal["write"]
    start: Place


class ReadBack(Said):
    """Of the output."""

    kind: Literal["read back"]
    start: Place
    length: int = Field(gt=0, le=MOST_RANGE)


class Truncate(Said):
    """The output, to nothing."""

    kind: Literal["truncate"]


class Item(Said):
    kind: Literal["item"]
    value: Any


class End(Said):
    kind: Literal["end"]


class Failed(Said):
    kind: Literal["failed"]
    how: Literal["refused", "memory", "error"]
    text: Annotated[str, Field(max_length=MOST_TEXT)]


Anything = Ready | Open | Read | Write | ReadBack | Truncate | Item | End | Failed
SAID: TypeAdapter[Anything] = TypeAdapter(Annotated[Anything, Field(discriminator="kind")])
