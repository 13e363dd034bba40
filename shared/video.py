"""What the splitter tells the stitcher of a video, in `detail` of the job's and segments' records.

The core carries these without reading them; only the `video.py` of a service does.
"""

from fractions import Fraction

from pydantic import BaseModel, ConfigDict

OUTPUT_SUFFIX = ".mp4"


class VideoDetail(BaseModel):
    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    time_base: tuple[int, int]
    rate: tuple[int, int]
    sample_aspect: tuple[int, int]

    @property
    def tick(self) -> Fraction:
        return Fraction(*self.time_base)


class SegmentDetail(BaseModel):
    """When each frame is shown, in ticks of the source's time base."""

    model_config = ConfigDict(frozen=True)

    pts: list[int]
