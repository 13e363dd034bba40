"""The frames of one segment, whatever shape the file is in."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import av
import simplejpeg
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from services.splitter.settings import SplitterSettings
from services.splitter.video.limits import checked
from services.splitter.video.opening import opened
from services.splitter.video.order import frames_of_piece, timed_by_order
from services.splitter.video.picture import ToPicture, deinterlaced
from services.splitter.video.reading import frames_in, packets
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
        if detail.sequential:
            found = frames_of_piece(container, stream, detail.places, segment)
        else:
            found = decoded(container, stream, detail.keyframes[segment], detail)
            found = up_to(found, span.stop, neighbours=1 if detail.interlaced else 0)
        found = checked(found, settings)
        if detail.interlaced:
            found = deinterlaced(found, stream)
        timed = (
            timed_by_order(found, detail, span, segment)
            if detail.sequential
            else within(found, span)
        )
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
        yield from frames_in(packet)


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


def rising(
    frames: Iterable[tuple[VideoFrame, int]],
) -> Iterator[tuple[VideoFrame, int]]:
    """Two frames that claim one moment: the later one waits a tick."""
    last: int | None = None
    for frame, claimed in frames:
        at = claimed if last is None else max(claimed, last + 1)
        last = at
        yield frame, at
