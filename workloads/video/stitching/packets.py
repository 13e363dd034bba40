"""The output's packets with their times: of the encoded segments, and of the copied streams."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from shared.errors import ImpastoError
from workloads.video.detail import SEGMENT_ONLY, VideoDetail
from workloads.video.stitching.copied_streams import CopiedStream, codec_of

AnyPacket: TypeAlias = "Packet[Any]"

#: By how many frames each encoder, as it is set here, may reorder.
REORDERED = {"h264": 2, "hevc": 3, "av1": 0}
#: An MPEG timestamp has 33 bits, and starts over at 0.
WRAP = 2**33


class EncodedSegment(NamedTuple):
    file: BinaryIO
    #: When each frame is shown, in ticks.
    times: list[int]


def video_packets(
    segments: Iterator[EncodedSegment], video: Stream, detail: VideoDetail
) -> Iterator[AnyPacket]:
    """Set the times of all segments' packets anew, as each segment's container has shifted them."""
    decoding_times: deque[int] = deque()
    for segment in segments:
        segment.file.seek(0)
        with av.open(segment.file, "r", container_options=SEGMENT_ONLY) as encoded:
            if not decoding_times:
                reordered = REORDERED[codec_of(encoded.streams.video[0]) or ""]
                before = (segment.times[0] - n * detail.step for n in range(reordered, 0, -1))
                decoding_times.extend(before)
            packets: list[AnyPacket] = [p for p in encoded.demux(video=0) if p.size]
        decoding_times.extend(segment.times)
        shown = sorted(packet.pts or 0 for packet in packets)
        time_of = dict(zip(shown, segment.times, strict=True))
        for packet in packets:
            packet.pts, packet.dts = time_of[packet.pts or 0], decoding_times.popleft()
            if packet.dts > packet.pts:
                raise ImpastoError(f"a frame is decoded after it is shown, at {packet.pts}")
            packet.duration, packet.time_base = detail.step, detail.tick
            packet.stream = video
            yield packet


def copied_packets(
    original: InputContainer, streams: dict[int, tuple[CopiedStream, Stream]], start: Fraction
) -> Iterator[AnyPacket]:
    """The packets of copied streams, by index in the source, with rising times."""
    if not streams:
        return
    clocks: dict[int, RisingTimes] = {}
    wraps = original.format.name.startswith("mpeg")
    for packet in demuxed(original, [copied.stream for copied, _ in streams.values()]):
        copied, output = streams[packet.stream_index]
        clock = clocks.setdefault(packet.stream_index, RisingTimes())
        if wraps:
            unwrap(packet, start)
        written = packet
        if copied.codec:
            text = copied.convert(bytes(packet))
            if not text:
                continue  # a pause between two subtitles, which subrip doesn't write
            written = Packet(text)
            written.pts = written.dts = packet.pts
            written.duration, written.time_base = packet.duration, packet.time_base
        clock.set(written)
        written.stream = output
        yield written


def unwrap(packet: AnyPacket, start: Fraction) -> None:
    """Make times negative that are a moment before 0, and so have wrapped to a day later."""
    latest = int(start / packet.time_base) + WRAP // 2
    if packet.pts is not None and packet.pts > latest:
        packet.pts -= WRAP
    if packet.dts is not None and packet.dts > latest:
        packet.dts -= WRAP


def demuxed(original: InputContainer, streams: list[Stream]) -> Iterator[AnyPacket]:
    try:
        yield from (packet for packet in original.demux(streams) if packet.size)
    except (av.FFmpegError, IndexError):
        return  # the rest of the file is missing; the splitter has noted that


class RisingTimes:
    """Moves one stream's packets where their decoding times would run backwards."""

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
