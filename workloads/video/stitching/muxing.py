"""Muxes the encoded segments and the source's audio and other streams, without re-encoding."""

import heapq
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import lcm
from typing import BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from shared.errors import Refused
from workloads.video.detail import SEGMENT_ONLY, VideoDetail
from workloads.video.settings import StitchingSettings
from workloads.video.source import open_source
from workloads.video.stitching.copied_streams import (
    FORMATS,
    CopiedStream,
    Kind,
    StreamPlan,
    plan_streams,
)
from workloads.video.stitching.packets import (
    AnyPacket,
    EncodedSegment,
    copied_packets,
    video_packets,
)

LARGEST_TIMESCALE = 10_000_000
WRITE_BUFFER_BYTES = 1 << 20
#: Metadata of the source file that isn't true of the output.
STALE = {"major_brand", "minor_version", "compatible_brands", "encoder", "DURATION", "duration"}


def mux(
    segments: Callable[[], Iterator[EncodedSegment]],
    detail: VideoDetail,
    source: BinaryIO,
    output: BinaryIO,
    settings: StitchingSettings,
) -> tuple[Kind, list[str]]:
    """Write the output; return its kind of file, and notes on what it lacks of the source."""
    with open_source(source) as original:
        plan = plan_streams(original, detail.stream, settings.output_format)
        try:
            left_out = mux_with(plan, segments(), original, detail, output)
        except av.FFmpegError:
            if not plan.copied:
                raise
            plan = plan.without_streams()
            source.seek(0)
            output.seek(0)
            output.truncate(0)
            left_out = mux_with(plan, segments(), original, detail, output)
        notes = plan.notes + plan.conversions()
    if left_out:
        notes.append(f"{left_out} packets of sound or subtitles are damaged and left out")
    return plan.kind, notes


def mux_with(
    plan: StreamPlan,
    segments: Iterator[EncodedSegment],
    original: InputContainer,
    detail: VideoDetail,
    output: BinaryIO,
) -> int:
    """Write the output; return how many packets of copied streams couldn't be written."""
    first = next(segments, None)
    if first is None:
        raise Refused("the video is damaged: not one of its frames can be decoded")
    with av.open(
        output,
        "w",
        format=FORMATS[plan.kind],
        container_options=options(original),
        buffer_size=WRITE_BUFFER_BYTES,
        io_open=lambda _url, _flags, _options: WrittenSoFar(output),
    ) as out:
        out.metadata.update(still_true(original.metadata))
        with av.open(first.file, "r", container_options=SEGMENT_ONLY) as encoded:
            video: Stream = out.add_stream_from_template(encoded.streams.video[0], opaque=True)
        video.metadata.update(still_true(original.streams[detail.stream].metadata))
        streams = {each.stream.index: (each, output_stream(each, out)) for each in plan.copied}
        out.set_chapters(original.chapters())
        packets: Iterable[AnyPacket] = heapq.merge(
            video_packets(chain([first], segments), video, detail),
            copied_packets(original, streams, first.times[0] * detail.tick),
            key=lambda packet: (packet.dts or 0) * (packet.time_base or 0),
        )
        return write(packets, video, out)


class WrittenSoFar(io.RawIOBase):
    """Reads the output while it is written: FFmpeg moves the index to its beginning."""

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


def write(packets: Iterable[AnyPacket], video: Stream, out: OutputContainer) -> int:
    """Write the packets; return how many of copied streams had to be left out."""
    left_out = 0
    for packet in packets:
        try:
            out.mux(packet)
        except av.FFmpegError:
            if packet.stream is video:
                raise
            left_out += 1
    return left_out


def options(original: InputContainer) -> dict[str, str]:
    """Options of the mp4 muxer: playable while it loads, and exact start times.

    Without negative offsets, the muxer loses the start time of a stream that starts later than 0 by
    less than its reordered frames. The timescale is in ticks, as milliseconds would round.
    """
    ticks = lcm(*(stream.time_base.denominator for stream in original.streams if stream.time_base))
    return {
        "movflags": "+faststart+negative_cts_offsets",
        "movie_timescale": str(ticks if ticks <= LARGEST_TIMESCALE else 90_000),
    }


def still_true(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in STALE}


def output_stream(copied: CopiedStream, out: OutputContainer) -> Stream:
    stream: Stream
    if copied.codec:
        stream = out.add_mux_stream(copied.codec)
    else:
        stream = out.add_stream_from_template(copied.stream, opaque=True)
        stream.disposition = copied.stream.disposition
    stream.metadata.update(still_true(copied.stream.metadata))
    return stream
