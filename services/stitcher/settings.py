from typing import Literal

from pydantic import Field

from shared.settings import Settings

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


class StitcherSettings(Settings):
    x264_preset: Preset = Field(
        "veryfast", description="How much time the encoder takes to make the file smaller."
    )
    x264_crf: int = Field(
        18, ge=0, le=51, description="How much quality the encoder gives up for a smaller file."
    )
