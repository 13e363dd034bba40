"""The stitcher's settings."""

from pydantic import Field

from shared.settings import Settings


class StitcherSettings(Settings):
    stitcher_idle_exit_seconds: float | None = Field(
        None, description="How long a stitcher waits for work before it leaves; empty: for ever."
    )
