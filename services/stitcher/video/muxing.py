"""Segments, sound and all the rest to one file, by packet copy."""

import heapq
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import lcm
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from services.stitcher.settings import StitcherSettings
from services.stitcher.video.carrying import (
    FORMATS,
    Kind,
    Load,
    Passenger,
    left_behind,
    load,
)
from services.stitcher.video.packets import AnyPacket, Encoded, passenger_packets, video_packets
from shared.errors import Refused
from shared.video import SEGMENT_ONLY, SOURCE_ONLY, VideoDetail

LARGEST_TIMESCALE = 10_000_000
WRITTEN_AT_ONCE = 1 << 20
#: Facts of the old file that are not so in the new one.
STALE = {"major_brand", "minor_version", "compatible_brands", "encoder", "DURATION", "duration"}


def mux(
    segments: Callable[[], Iterator[Encoded]],
    detail: VideoDetail,
    source: BinaryIO,
    output: BinaryIO,
    settings: StitcherSettings,
) -> tuple[Kind, list[str]]:
    """The kind of file that it became, and what of the source it doesn't have."""
    with av.open(source, "r", container_options=SOURCE_ONLY) as original:
        freight = load(original, detail.stream, settings.output_format)
        try:
            spoiled = mux_with(freight, segments(), original, detail, output)
        except av.FFmpegError:
            if not freight.passengers:
                raise
            freight = left_behind(freight)
            source.seek(0)
            output.seek(0)
            output.truncate(0)
            spoiled = mux_with(freight, segments(), original, detail, output)
        notes = freight.left + rewritten(freight)
    if spoiled:
        notes.append(f"{spoiled} packets of sound or subtitles are damaged and left out")
    return freight.kind, notes


def mux_with(
    freight: Load,
    segments: Iterator[Encoded],
    original: InputContainer,
    detail: VideoDetail,
    output: BinaryIO,
) -> int:
    """How many of the passengers' packets the file wouldn't take."""
    head = next(segments, None)
    if head is None:
        raise Refused("the video is damaged: not one of its frames can be decoded")
    form = FORMATS[freight.kind]
    with av.open(
        output,
        "w",
        format=form,
        container_options=options(original),
        buffer_size=WRITTEN_AT_ONCE,
        io_open=lambda _url, _flags, _options: Again(output),
    ) as out:
        out.metadata.update(fresh(original.metadata))
        with av.open(head.file, "r", container_options=SEGMENT_ONLY) as encoded:
            video: Stream = out.add_stream_from_template(encoded.streams.video[0], opaque=True)
        video.metadata.update(fresh(original.streams[detail.stream].metadata))
        seats = {p.stream.index: (p, seat(p, out)) for p in freight.passengers}
        out.set_chapters(original.chapters())
        packets: Iterable[AnyPacket] = heapq.merge(
            video_packets(chain([head], segments), video, detail),
            passenger_packets(original, seats, head.times[0] * detail.tick),
            key=lambda packet: (packet.dts or 0) * (packet.time_base or 0),
        )
        return written(packets, video, out)


class Again(io.RawIOBase):
    """The output, read while it is written: to be played while it loads, it is moved back a bit."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        writing_at = self._output.tell()
        self._output.seek(self._at)
        data = self._output.read(size)
        self._output.seek(writing_at)
        self._at += len(data)
        return data


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
