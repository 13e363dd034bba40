"""Limits on the size of frames. Each frame is checked, as headers may be wrong."""

from collections.abc import Iterable, Iterator

from av.video.frame import VideoFrame

from shared.errors import Refused
from workloads.video.settings import SplittingSettings

GIGA = 1_000_000_000


def check_size(width: int, height: int, settings: SplittingSettings) -> None:
    if width * height > settings.most_pixels:
        raise Refused(
            f"the picture is {width}×{height}; at most {settings.most_pixels:,} pixels are taken"
        )


def check_work(pixels: int, settings: SplittingSettings) -> None:
    """Check the pixels of all frames, on which the cost of the whole job depends."""
    if pixels > settings.most_gigapixels * GIGA:
        raise Refused(
            f"the video has {pixels / GIGA:,.0f} gigapixels in all its frames; at most "
            f"{settings.most_gigapixels:,} are taken"
        )


def within_limits(
    frames: Iterable[VideoFrame], settings: SplittingSettings
) -> Iterator[VideoFrame]:
    """Yield the frames; raise Refused if one of them, or all together, are over the limits."""
    pixels = 0
    for frame in frames:
        check_size(frame.width, frame.height, settings)
        pixels += frame.width * frame.height
        check_work(pixels, settings)
        yield frame
