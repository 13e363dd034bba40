"""The packets of the output, each with its time: the painted ones, and those that come along."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from services.stitcher.video.carrying import Passenger, codec_of
from shared.errors import ImpastoError
from shared.video import SEGMENT_ONLY, VideoDetail

AnyPacket: TypeAlias = "Packet[Any]"

#: The most frames that these encoders, as they are set here, send ahead of one shown before them.
REORDERED = {"h264": 2, "hevc": 3, "av1": 0}
#: MPEG's clock has so many ticks before it starts over.
WRAP = 2**33


class Encoded(NamedTuple):
    """A segment's file, and when each of its frames is shown."""

    file: BinaryIO
    times: list[int]


def video_packets(
    segments: Iterator[Encoded], video: Stream, detail: VideoDetail
) -> Iterator[AnyPacket]:
    """Packets timed anew over all segments: a container shifts times, and no seam may show."""
    due: deque[int] = deque()
    for segment in segments:
        segment.file.seek(0)
        with av.open(segment.file, "r", container_options=SEGMENT_ONLY) as encoded:
            if not due:
                ahead = REORDERED[codec_of(encoded.streams.video[0]) or ""]
                due.extend(segment.times[0] - n * detail.step for n in range(ahead, 0, -1))
            packets: list[AnyPacket] = [p for p in encoded.demux(video=0) if p.size]
        due.extend(segment.times)
        shown = sorted(packet.pts or 0 for packet in packets)
        at = dict(zip(shown, segment.times, strict=True))
        for packet in packets:
            packet.pts, packet.dts = at[packet.pts or 0], due.popleft()
            if packet.dts > packet.pts:
                raise ImpastoError(f"a frame is decoded after it is shown, at {packet.pts}")
            packet.duration, packet.time_base = detail.step, detail.tick
            packet.stream = video
            yield packet


def passenger_packets(
    original: InputContainer, seats: dict[int, tuple[Passenger, Stream]], start: Fraction
) -> Iterator[AnyPacket]:
    """As they are; where their clock starts over, it is made to go on."""
    if not seats:
        return
    clocks: dict[int, Clock] = {}
    wraps = original.format.name.startswith("mpeg")
    for packet in demuxed(original, [p.stream for p, _ in seats.values()]):
        passenger, place = seats[packet.stream_index]
        clock = clocks.setdefault(packet.stream_index, Clock())
        if wraps:
            unwrap(packet, start)
        moved = packet
        if passenger.codec:
            text = passenger.rewrite(bytes(packet))
            if not text:
                continue  # a pause between two subtitles, which subrip doesn't write
            moved = Packet(text)
            moved.pts = moved.dts = packet.pts
            moved.duration, moved.time_base = packet.duration, packet.time_base
        clock.set(moved)
        moved.stream = place
        yield moved


def unwrap(packet: AnyPacket, start: Fraction) -> None:
    """MPEG counts in 33 bits, so that what lies a moment before zero seems to be a day late."""
    latest = int(start / packet.time_base) + WRAP // 2
    if packet.pts is not None and packet.pts > latest:
        packet.pts -= WRAP
    if packet.dts is not None and packet.dts > latest:
        packet.dts -= WRAP


def demuxed(original: InputContainer, streams: list[Stream]) -> Iterator[AnyPacket]:
    try:
        yield from (packet for packet in original.demux(streams) if packet.size)
    except (av.FFmpegError, IndexError):
        return  # the rest is missing from the file, as the splitter has said


class Clock:
    """Keeps one stream's decoding times from running backwards."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._moved = 0

    def set(self, packet: AnyPacket) -> None:
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None:
            return
        if self._last is not None and packet.dts + self._moved <= self._last:
            self._moved = self._last + max(1, packet.duration or 0) - packet.dts
        if self._moved:
            packet.dts += self._moved
            packet.pts = packet.dts if packet.pts is None else packet.pts + self._moved
        self._last = packet.dts
