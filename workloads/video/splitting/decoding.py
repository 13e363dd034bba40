"""Decodes the frames of one segment into JPEGs, even if the file is damaged."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import av
import simplejpeg
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from shared.records import Span
from shared.shards import Item
from workloads.video.detail import VideoDetail
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.limits import within_limits
from workloads.video.splitting.opening import open_input
from workloads.video.splitting.order import frames_of_segment, timed_by_order
from workloads.video.splitting.picture import PictureConverter, deinterlaced
from workloads.video.splitting.reading import frames_in, packets

#: How far before a keyframe to seek until it is found: indexes are often wrong.
SEEK_BACK_SECONDS = (0, 5, 60)


class Frame(NamedTuple):
    pts: int
    damaged: bool
    scaled: bool
    item: Item


def frames(
    file: BinaryIO, detail: VideoDetail, span: Span, segment: int, settings: SplittingSettings
) -> Iterator[Frame]:
    """Yield the segment's frames as JPEGs, with the time at which each is shown."""
    to_picture = PictureConverter(detail)
    with open_input(file) as container:
        stream = container.streams[detail.stream]
        if detail.sequential:
            found = frames_of_segment(container, stream, detail.places, segment)
        else:
            found = decoded(container, stream, detail.keyframes[segment], detail)
            found = until(found, span.stop, neighbours=1 if detail.interlaced else 0)
        found = within_limits(found, settings)
        if detail.interlaced:
            found = deinterlaced(found, stream)
        timed = (
            timed_by_order(found, detail, span, segment)
            if detail.sequential
            else within(found, span)
        )
        for count, (frame, at) in enumerate(with_rising_times(timed)):
            data = simplejpeg.encode_jpeg(
                to_picture(frame), settings.jpeg_quality, "RGB", settings.jpeg_subsampling
            )
            item = Item(f"{count:06}.jpg", data)
            yield Frame(at, frame.is_corrupt, to_picture.scales(frame), item)


def decoded(
    container: InputContainer, stream: Stream, keyframe: int | None, detail: VideoDetail
) -> Iterator[VideoFrame]:
    """Yield all frames that can be decoded from the keyframe on, or from the beginning."""
    for packet in packets_from(container, stream, keyframe, detail):
        yield from frames_in(packet)


def packets_from(
    container: InputContainer, stream: Stream, keyframe: int | None, detail: VideoDetail
) -> Iterator["Packet[Stream]"]:
    if keyframe is None:
        yield from packets(container, stream)
        return
    for seconds in SEEK_BACK_SECONDS:
        before = keyframe - int(seconds / detail.tick)
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
                break  # the seek went too far
        if found:
            return


def until(frames: Iterable[VideoFrame], stop: int, neighbours: int) -> Iterator[VideoFrame]:
    """Yield the frames before `stop`, and `neighbours` more, which a filter uses."""
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


def with_rising_times(
    frames: Iterable[tuple[VideoFrame, int]],
) -> Iterator[tuple[VideoFrame, int]]:
    """Move a frame to the next tick if its time isn't later than the frame's before it."""
    last: int | None = None
    for frame, claimed in frames:
        at = claimed if last is None else max(claimed, last + 1)
        last = at
        yield frame, at
