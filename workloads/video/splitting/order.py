"""Decodes files whose times can't be used, or that can't be sought in: frames go by their order.

A segment begins at a place: a number of frames after a keyframe's packet. Packets are counted
from the beginning of the file, or from a byte if the format can be read from there.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from shared.records import Span
from workloads.video.detail import Place, VideoDetail
from workloads.video.splitting.reading import frames_in, packets
from workloads.video.splitting.scanning import Clock

#: No codec reorders frames by more packets.
REORDERED = 32
BEGINNING = Place(packet=0, byte=None, skip=0)


def frames_of_segment(
    container: InputContainer, stream: Stream, places: list[Place], segment: int
) -> Iterator[VideoFrame]:
    """Yield the frames from the segment's place to the next one's, in the order of display.

    Records of an earlier version have no places and one segment.
    """
    here = places[segment] if places else BEGINNING
    after = places[segment + 1] if segment + 1 < len(places) else None
    stream.codec_context.copy_opaque = True  # frames get the number of their packet
    begun, count = here.packet == 0, 0
    for number, packet in numbered(container, stream, here):
        packet.opaque = number
        for frame in frames_in(packet):
            begun = begun or reached(here, frame, number)
            if not begun:
                continue  # shown before the keyframe, it belongs to the last segment
            if after and after.packet != here.packet and reached(after, frame, number):
                return
            if after and after.packet == here.packet and count == after.skip:
                return
            if count >= here.skip:
                yield frame
            count += 1


def reached(place: Place, frame: VideoFrame, number: int) -> bool:
    """Whether this is the place's first frame, or one after it if that can't be decoded."""
    return frame.opaque == place.packet or number > place.packet + REORDERED


def numbered(
    container: InputContainer, stream: Stream, place: Place
) -> Iterator[tuple[int, "Packet[Stream]"]]:
    """Yield packets with their numbers, from the place on."""
    entered = seek(container, stream, place)
    number = place.packet if entered else 0
    for packet in chain(entered, packets(container, stream)):
        if number >= place.packet:
            yield number, packet
        number += bool(packet.size) and not packet.is_discard


def seek(container: InputContainer, stream: Stream, place: Place) -> list["Packet[Stream]"]:
    """Seek to the place's byte and return its packet; or seek to the beginning and return none."""
    if not place.byte:
        return []
    container.seek(place.byte, stream=stream, unsupported_byte_offset=True)
    for packet in packets(container, stream):
        if packet.pos == place.byte:
            return [packet]
        break
    container.seek(0, stream=stream, unsupported_byte_offset=True)
    return []


def timed_by_order(
    frames: Iterable[VideoFrame], detail: VideoDetail, span: Span, segment: int
) -> Iterator[tuple[VideoFrame, int]]:
    """Yield frames with rising times, within the segment's span."""
    clock, moved = Clock(detail.step), 0
    last = segment + 1 >= len(detail.places)
    for count, frame in enumerate(frames):
        at = clock.next(frame.pts)
        if count == 0 and segment:
            moved = span.start - at
        at += moved
        yield frame, at if last else min(at, span.stop - max(1, span.items - count))
