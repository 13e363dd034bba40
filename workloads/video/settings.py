"""The settings of the workload `video`, for each service that it has a part in."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import Settings

WEIGHTS = Path(__file__).parent / "weights"
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]


class SplittingSettings(Settings):
    default_style: str = Field(
        "great-wave", description="The style of a video whose folder and metadata name none."
    )
    segment_seconds: float = Field(10, gt=0, description="About how long a segment is.")
    opening_frames: int = Field(
        4,
        ge=0,
        description="How many frames a video's first segment has, so that the first of them are"
        " soon painted; 0: as many as the others.",
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


class ScoringSettings(Settings):
    network: Path = Field(
        WEIGHTS / "network.safetensors", description="The weights of the painter's network."
    )
    vgg_weights: Path | None = Field(
        None,
        description="VGG16's weights, which learning a style and `!fine` need; unset, torchvision"
        " downloads them.",
    )
    painting_seconds: float = Field(
        60, gt=0, description="How long reading a painting may take before it is refused."
    )
    learning_steps: int = Field(700, ge=1, description="How many training steps a new style gets.")
    fine_steps: int = Field(
        80,
        ge=2,
        description="How many steps the first frame of a style with `!fine` gets; one that"
        " continues the frame before it gets half as many.",
    )
    threads: int = Field(0, ge=0, description="Cores for one worker; 0 uses all.")


class StitchingSettings(Settings):
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
