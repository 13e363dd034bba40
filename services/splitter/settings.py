"""The splitter's settings."""

from pydantic import Field

from shared.settings import Settings


class SplitterSettings(Settings):
    segments_ahead: int = Field(
        4,
        ge=1,
        description="How many segments of one job are in flight at a time; no "
        "fewer than there are splitters.",
    )
