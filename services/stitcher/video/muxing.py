"""Segments, sound and all the rest to one file, by packet copy."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from services.stitcher.settings import StitcherSettings
from services.stitcher.video.carrying import (
    FORMATS,
    Kind,
    Load,
    Passenger,
    codec_of,
    left_behind,
    load,
)
from shared.errors import ImpastoError, Refused
from shared.video import VideoDetail

AnyPacket: TypeAlias = "Packet[Any]"

#: The most frames that these encoders, as they are set here, send ahead of one shown before them.
REORDERED = {"h264": 2, "hevc": 3, "av1": 0}
LARGEST_TIMESCALE = 10_000_000
WRAP = 2**33
#: Facts of the old file that are not so in the new one.
STALE = {"major_brand", "minor_version", "compatible_brands", "encoder", "DURATION", "duration"}


class Encoded(NamedTuple):
    """A segment's file, and when each of its frames is shown."""

    path: Path
    times: list[int]


def mux(
    segments: Callable[[], Iterator[Encoded]],
    detail: VideoDetail,
    source: BinaryIO,
    path: Path,
    settings: StitcherSettings,
) -> tuple[Kind, list[str]]:
    """The kind of file that it became, and what of the source it doesn't have."""
    with av.open(source, "r") as original:
        freight = load(original, detail.stream, settings.output_format)
        try:
            spoiled = mux_with(freight, segments(), original, detail, path)
        except av.FFmpegError:
            if not freight.passengers:
                raise
            freight = left_behind(freight)
            source.seek(0)
            spoiled = mux_with(freight, segments(), original, detail, path)
        notes = freight.left + rewritten(freight)
    if spoiled:
        notes.append(f"{spoiled} packets of sound or subtitles are damaged and left out")
    return freight.kind, notes


def mux_with(
    freight: Load,
    segments: Iterator[Encoded],
    original: InputContainer,
    detail: VideoDetail,
    path: Path,
) -> int:
    """How many of the passengers' packets the file wouldn't take."""
    head = next(segments, None)
    if head is None:
        raise Refused("the video is damaged: not one of its frames can be decoded")
    form = FORMATS[freight.kind]
    with av.open(str(path), "w", format=form, container_options=options(original)) as out:
        out.metadata.update(fresh(original.metadata))
        with av.open(str(head.path)) as encoded:
            video: Stream = out.add_stream_from_template(encoded.streams.video[0], opaque=True)
            ahead = REORDERED[codec_of(encoded.streams.video[0]) or ""]
        video.metadata.update(fresh(original.streams[detail.stream].metadata))
        seats = {p.stream.index: (p, seat(p, out)) for p in freight.passengers}
        out.set_chapters(original.chapters())
        packets: Iterable[AnyPacket] = heapq.merge(
            video_packets(chain([head], segments), video, detail, ahead),
            passenger_packets(original, seats, head.times[0] * detail.tick),
            key=lambda packet: (packet.dts or 0) * (packet.time_base or 0),
        )
        return written(packets, video, out)


def written(packets: Iterable[AnyPacket], video: Stream, out: OutputContainer) -> int:
    spoiled = 0
    for packet in packets:
        try:
            out.mux(packet)
        except av.FFmpegError:
            if packet.stream is video:
                raise
            spoiled += 1
    return spoiled


def rewritten(freight: Load) -> list[str]:
    return [
        f"subtitle stream {p.stream.index} rewritten as {p.codec}"
        for p in freight.passengers
        if p.codec
    ]


def options(original: InputContainer) -> dict[str, str]:
    """Playable while it loads; and where streams start late, late to the tick, not to the ms.

    With offsets that may not be negative, the muxer loses a start later than 0 by less than the
    frames that are reordered.
    """
    ticks = lcm(*(stream.time_base.denominator for stream in original.streams if stream.time_base))
    return {
        "movflags": "+faststart+negative_cts_offsets",
        "movie_timescale": str(ticks if ticks <= LARGEST_TIMESCALE else 90_000),
    }


def fresh(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in STALE}


def seat(passenger: Passenger, out: OutputContainer) -> Stream:
    place: Stream
    if passenger.codec:
        place = out.add_mux_stream(passenger.codec)
    else:
        place = out.add_stream_from_template(passenger.stream, opaque=True)
        place.disposition = passenger.stream.disposition
    place.metadata.update(fresh(passenger.stream.metadata))
    return place


def video_packets(
    segments: Iterator[Encoded], video: Stream, detail: VideoDetail, ahead: int
) -> Iterator[AnyPacket]:
    """Packets timed anew over all segments: a container shifts times, and no seam may show."""
    due: deque[int] = deque()
    for segment in segments:
        if not due:
            due.extend(segment.times[0] - n * detail.step for n in range(ahead, 0, -1))
        due.extend(segment.times)
        with av.open(str(segment.path)) as encoded:
            packets: list[AnyPacket] = [p for p in encoded.demux(video=0) if p.size]
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
