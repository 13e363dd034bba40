"""The splitter's settings: segments, flow control, and limits on videos and its sandbox."""

from typing import Literal

from pydantic import Field

from shared.settings import Settings


class SplitterSettings(Settings):
    segment_seconds: float = Field(10, gt=0, description="About how long a segment is.")
    segments_ahead: int = Field(
        4,
        ge=1,
        description="How many segments of one video are in flight at a time; no "
        "fewer than there are splitters.",
    )
    jpeg_quality: int = Field(
        95, ge=1, le=100, description="Quality of the frames that are sent to the scorer."
    )
    jpeg_subsampling: Literal["444", "422", "420"] = Field(
        "420", description="Chroma subsampling of these frames."
    )
    refuse_damaged: bool = Field(
        False, description="Refuse a damaged video instead of painting what is left of it."
    )
    largest_mib: int = Field(65_536, ge=1, description="The largest file to take, in MiB.")
    longest_seconds: float = Field(6 * 3600, gt=0, description="The longest video to take.")
    most_frames: int = Field(2_000_000, ge=1, description="The most frames that a video may have.")
    most_pixels: int = Field(
        8192 * 4320, ge=1, description="The most pixels that a frame may have."
    )
    most_gigapixels: int = Field(
        6000,
        ge=1,
        description="The most gigapixels that all frames of a video may have: "
        "six hours of 4K at 30 a second are 5,400.",
    )
    most_streams: int = Field(64, ge=1, description="The most streams that a file may have.")
    decoder_mib: int = Field(
        4096, ge=256, description="Memory that a decoder may use before its video fails."
    )
    decoder_seconds: float = Field(
        60, gt=0, description="How long a decoder may make no progress before its video fails."
    )
    decoder_total_seconds: float = Field(
        7200, gt=0, description="How long a decoder may take for a segment, or to plan a video."
    )
