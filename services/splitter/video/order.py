"""Files whose times don't run on, or that can't be sought in: their frames go by their order.

A segment begins at a place: a keyframe's packet, and so many frames after it. Packets are counted
from the beginning of the file, or from a byte where the format lets itself be entered there.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from services.splitter.video.reading import frames_in, packets
from services.splitter.video.scanning import Clock
from shared.records import Span
from shared.video import Place, VideoDetail

#: No codec shows a frame later than so many packets after its own.
REORDERED = 32
BEGINNING = Place(packet=0, byte=None, skip=0)


def frames_of_piece(
    container: InputContainer, stream: Stream, places: list[Place], segment: int
) -> Iterator[VideoFrame]:
    """From the segment's place to the next one's, in the order in which they are shown.

    An earlier version recorded no places, and one segment.
    """
    here = places[segment] if places else BEGINNING
    after = places[segment + 1] if segment + 1 < len(places) else None
    stream.codec_context.copy_opaque = True  # frames bear the mark of their packet
    begun, count = here.packet == 0, 0
    for number, packet in numbered(container, stream, here):
        packet.opaque = number
        for frame in frames_in(packet):
            begun = begun or reached(here, frame, number)
            if not begun:
                continue  # shown before the keyframe: it is the last segment's
            if after and after.packet != here.packet and reached(after, frame, number):
                return
            if after and after.packet == here.packet and count == after.skip:
                return
            if count >= here.skip:
                yield frame
            count += 1


def reached(place: Place, frame: VideoFrame, number: int) -> bool:
    """Whether this is the place's first frame; or, if that can't be decoded, one after it."""
    return frame.opaque == place.packet or number > place.packet + REORDERED


def numbered(
    container: InputContainer, stream: Stream, place: Place
) -> Iterator[tuple[int, "Packet[Stream]"]]:
    """Packets and their numbers, from the place on. What lies before it is read, not decoded."""
    entered = enter(container, stream, place)
    number = place.packet if entered else 0
    for packet in chain(entered, packets(container, stream)):
        if number >= place.packet:
            yield number, packet
        number += bool(packet.size) and not packet.is_discard


def enter(container: InputContainer, stream: Stream, place: Place) -> list["Packet[Stream]"]:
    """The place's own packet, found by its byte; or nothing, and the file is at its beginning."""
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
    """Each frame follows the one before it, and a segment ends before the next one begins."""
    clock, moved = Clock(detail.step), 0
    last = segment + 1 >= len(detail.places)
    for count, frame in enumerate(frames):
        at = clock.next(frame.pts)
        if count == 0 and segment:
            moved = span.start - at
        at += moved
        yield frame, at if last else min(at, span.stop - max(1, span.items - count))
