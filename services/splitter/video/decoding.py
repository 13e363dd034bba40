"""The frames of one segment, whatever shape the file is in."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import av
import simplejpeg
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from services.splitter.settings import SplitterSettings
from services.splitter.video.opening import opened
from services.splitter.video.picture import ToPicture, deinterlaced
from shared.records import Span
from shared.shards import Item
from shared.video import VideoDetail

#: How far before a keyframe to seek, in seconds, until it is met: indexes are often wrong.
RUN_UPS = (0, 5, 60)


class Frame(NamedTuple):
    pts: int
    damaged: bool
    scaled: bool
    item: Item


def frames(
    file: BinaryIO, detail: VideoDetail, span: Span, segment: int, settings: SplitterSettings
) -> Iterator[Frame]:
    """The segment's frames as JPEG, with the moment at which each is shown."""
    picture = ToPicture(detail)
    with opened(file) as container:
        stream = container.streams[detail.stream]
        keyframe = detail.keyframes[segment]
        found: Iterable[VideoFrame] = decoded(container, stream, keyframe, detail)
        if not detail.sequential:
            found = up_to(found, span.stop, neighbours=1 if detail.interlaced else 0)
        if detail.interlaced:
            found = deinterlaced(found, stream)
        timed = in_sequence(found, detail) if detail.sequential else within(found, span)
        for count, (frame, at) in enumerate(rising(timed)):
            data = simplejpeg.encode_jpeg(
                picture(frame), settings.jpeg_quality, "RGB", settings.jpeg_subsampling
            )
            item = Item(f"{count:06}.jpg", data)
            yield Frame(at, frame.is_corrupt, picture.scales(frame), item)


def decoded(
    container: InputContainer, stream: Stream, keyframe: int | None, detail: VideoDetail
) -> Iterator[VideoFrame]:
    """Everything that can be decoded from the keyframe on, or from the beginning."""
    for packet in packets_from(container, stream, keyframe, detail):
        try:
            found = packet.decode()
        except av.FFmpegError:
            continue  # this one is lost; the next may not be
        yield from (frame for frame in found if isinstance(frame, VideoFrame))


def packets_from(
    container: InputContainer, stream: Stream, keyframe: int | None, detail: VideoDetail
) -> Iterator["Packet[Stream]"]:
    if keyframe is None:
        yield from packets(container, stream)
        return
    for run_up in RUN_UPS:
        before = keyframe - int(run_up / detail.tick)
        try:
            container.seek(before, stream=stream)
        except av.FFmpegError:
            continue
        found = False
        for packet in packets(container, stream):
            found = found or (packet.pts == keyframe and packet.is_keyframe)
            if found:
                yield packet
            elif packet.is_keyframe and (packet.pts or 0) > keyframe:
                break  # it landed too late
        if found:
            return


def packets(container: InputContainer, stream: Stream) -> Iterator["Packet[Stream]"]:
    with contextlib.suppress(av.FFmpegError, IndexError):  # as far as it can be read
        yield from container.demux(stream)


def up_to(frames: Iterable[VideoFrame], stop: int, neighbours: int) -> Iterator[VideoFrame]:
    """Decoding goes on just as far as the segment does, and a neighbour further for a filter."""
    for frame in frames:
        if frame.pts is not None and frame.pts >= stop:
            if not neighbours:
                return
            neighbours -= 1
        yield frame


def within(frames: Iterable[VideoFrame], span: Span) -> Iterator[tuple[VideoFrame, int]]:
    for frame in frames:
        if frame.pts is not None and span.start <= frame.pts < span.stop:
            yield frame, frame.pts


def in_sequence(
    frames: Iterable[VideoFrame], detail: VideoDetail
) -> Iterator[tuple[VideoFrame, int]]:
    """Times for frames that have none, or whose clock starts over: each follows the last."""
    moved = 0
    last: int | None = None
    for frame in frames:
        at = (frame.pts if frame.pts is not None else (last or 0) + detail.step - moved) + moved
        if last is not None and at <= last:
            moved += last + detail.step - at
            at = last + detail.step
        last = at
        yield frame, at


def rising(
    frames: Iterable[tuple[VideoFrame, int]],
) -> Iterator[tuple[VideoFrame, int]]:
    """Two frames that claim one moment: the later one waits a tick."""
    last: int | None = None
    for frame, claimed in frames:
        at = claimed if last is None else max(claimed, last + 1)
        last = at
        yield frame, at
