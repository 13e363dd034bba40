"""What the records of a round say: its files, and what was found in them."""

from pydantic import BaseModel


class File(BaseModel):
    blob: str
    etag: str
    size: int


class RoundDetail(BaseModel):
    """The detail of a job: the files that had arrived when it was planned."""

    files: list[File]


class Example(BaseModel):
    reason: str
    file: str
    place: int
    text: str


class SplitDetail(BaseModel):
    """The detail of a segment: what was found in its files."""

    readings: int = 0
    late: int = 0
    repeated: int = 0
    #: How many readings were put aside, by reason.
    rejected: dict[str, int] = {}
    examples: list[Example] = []
