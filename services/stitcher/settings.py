from typing import Literal

from pydantic import Field

from shared.settings import Settings

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


class StitcherSettings(Settings):
    video_codec: Literal["h264", "hevc", "av1"] = Field(
        "h264", description="What painted videos are encoded with; h264 plays everywhere."
    )
    video_preset: Preset = Field(
        "veryfast", description="How much time the encoder takes to make the file smaller."
    )
    video_crf: int = Field(
        18, ge=0, le=51, description="How much quality the encoder gives up for a smaller file."
    )
    muxer_mib: int = Field(
        4096, ge=256, description="Memory that muxing may use before its video is given up."
    )
    muxer_seconds: float = Field(
        300, gt=0, description="How long muxing may be silent before its video is given up."
    )
    muxer_total_seconds: float = Field(
        7200, gt=0, description="How long muxing may take before its video is given up."
    )
    output_format: Literal["auto", "mp4", "mkv"] = Field(
        "auto", description="The kind of file; auto is mp4, or mkv where mp4 can't hold a stream."
    )
