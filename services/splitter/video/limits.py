"""What a decoded frame may cost. Headers say what they like: each frame is looked at."""

from collections.abc import Iterable, Iterator

from av.video.frame import VideoFrame

from services.splitter.settings import SplitterSettings
from shared.errors import Refused

GIGA = 1_000_000_000


def check_size(width: int, height: int, settings: SplitterSettings) -> None:
    if width * height > settings.most_pixels:
        raise Refused(
            f"the picture is {width}×{height}; at most {settings.most_pixels:,} pixels are taken"
        )


def check_work(pixels: int, settings: SplitterSettings) -> None:
    """All pixels of all frames: what it costs to decode, paint and encode them follows from it."""
    if pixels > settings.most_gigapixels * GIGA:
        raise Refused(
            f"the video has {pixels / GIGA:,.0f} gigapixels in all its frames; at most "
            f"{settings.most_gigapixels:,} are taken"
        )


def checked(frames: Iterable[VideoFrame], settings: SplitterSettings) -> Iterator[VideoFrame]:
    """The frames, as long as each and all of them are within the limits; Refused where not."""
    pixels = 0
    for frame in frames:
        check_size(frame.width, frame.height, settings)
        pixels += frame.width * frame.height
        check_work(pixels, settings)
        yield frame
