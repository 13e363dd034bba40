"""Opens inputs, as one of the allowed formats and without opening any other file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from shared.errors import Refused
from workloads.video.detail import is_cover
from workloads.video.settings import SplittingSettings
from workloads.video.source import open_source
from workloads.video.splitting.limits import check_size


@contextmanager
def open_input(file: BinaryIO) -> Iterator[InputContainer]:
    try:
        container = open_source(file)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Refused(
            "the file isn't a video that can be read (mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv)"
        ) from error
    with container:
        yield container


def video_stream(container: InputContainer, settings: SplittingSettings) -> VideoStream:
    """Return the stream to paint; raise Refused if there is none, or a limit is exceeded."""
    if len(container.streams) > settings.most_streams:
        raise Refused(
            f"the file has {len(container.streams)} streams; at most {settings.most_streams} "
            "are taken"
        )
    pictures = [s for s in container.streams.video if not is_cover(s.disposition)]
    if not pictures:
        what = "only cover art and sound" if container.streams.video else "only sound"
        raise Refused(f"there is no video in the file, {what}")
    stream = max(pictures, key=lambda s: (s.width or 0) * (s.height or 0))
    codec = stream.codec_context
    if codec is None:
        raise Refused("the video is in a codec that can't be read")
    check_size(stream.width, stream.height, settings)
    return stream
