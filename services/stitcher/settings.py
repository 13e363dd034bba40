"""The stitcher's settings: codec, quality and kind of file of outputs; limits of its sandbox."""

from typing import Literal

from pydantic import Field

from shared.settings import Settings

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


class StitcherSettings(Settings):
    video_codec: Literal["h264", "hevc", "av1"] = Field(
        "h264", description="The codec of painted videos; h264 plays everywhere."
    )
    video_preset: Preset = Field(
        "veryfast", description="The encoder's preset: slower ones make smaller files."
    )
    video_crf: int = Field(
        18,
        ge=0,
        le=51,
        description="Constant rate factor: higher values mean smaller files of lower quality.",
    )
    muxer_mib: int = Field(
        4096, ge=256, description="Memory that muxing may use before its video fails."
    )
    muxer_seconds: float = Field(
        300, gt=0, description="How long muxing may make no progress before its video fails."
    )
    muxer_total_seconds: float = Field(
        7200, gt=0, description="How long muxing may take before its video fails."
    )
    output_format: Literal["auto", "mp4", "mkv"] = Field(
        "auto", description="The kind of file; auto means mp4, or mkv if mp4 can't hold a stream."
    )
    stitcher_idle_exit_seconds: float | None = Field(
        None, description="How long a stitcher waits for work before it leaves; empty: for ever."
    )
