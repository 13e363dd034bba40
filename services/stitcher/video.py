"""All that the stitcher knows of video: frames to an encoded segment, segments to the output."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import av
import simplejpeg
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from services.stitcher.settings import StitcherSettings
from shared.jobs import Job, Segment
from shared.shards import Item
from shared.video import OUTPUT_SUFFIX, SegmentDetail, VideoDetail

__all__ = ["OUTPUT_SUFFIX", "Encoded", "encode", "mux", "times_of"]

AnyPacket: TypeAlias = "Packet[Any]"

#: How many frames x264 sends ahead of one shown before them: a B-pyramid needs two.
REORDERED = 2
LARGEST_TIMESCALE = 10_000_000


class Encoded(NamedTuple):
    """A segment's file, and when each of its frames is shown."""

    path: Path
    times: list[int]


def encode(
    items: Iterable[Item], job: Job, segment: Segment, path: Path, settings: StitcherSettings
) -> None:
    """One segment as a file of its own, each frame at its source's moment."""
    detail = VideoDetail.model_validate(job.detail)
    to_yuv = VideoReformatter()
    with av.open(str(path), "w", format="mp4") as out:
        stream = add_encoder(out, detail, settings)
        for pts, item in zip(times_of(segment), items, strict=True):
            pixels = simplejpeg.decode_jpeg(item.data, "RGB")
            rgb = VideoFrame.from_numpy_buffer(pixels, format="rgb24")
            frame = to_yuv.reformat(
                rgb,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, frame.time_base = pts, detail.tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def times_of(segment: Segment) -> list[int]:
    return SegmentDetail.model_validate(segment.detail).pts


def add_encoder(
    out: OutputContainer, detail: VideoDetail, settings: StitcherSettings
) -> VideoStream:
    stream = out.add_stream("libx264", rate=Fraction(*detail.rate))
    stream.width, stream.height = detail.width, detail.height
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = detail.tick
    codec.sample_aspect_ratio = Fraction(*detail.sample_aspect)
    codec.options = {"preset": settings.x264_preset, "crf": str(settings.x264_crf)}
    codec.colorspace = Colorspace.ITU709
    codec.color_primaries = ColorPrimaries.BT709
    codec.color_trc = ColorTrc.BT709
    codec.color_range = ColorRange.MPEG
    return stream


def mux(segments: Iterator[Encoded], job: Job, source: BinaryIO, path: Path) -> None:
    """All segments by packet copy, with the source's own sound, as one file."""
    detail = VideoDetail.model_validate(job.detail)
    with (
        av.open(source, "r") as original,
        av.open(str(path), "w", format="mp4", container_options=options(original)) as out,
    ):
        out.metadata.update(original.metadata)
        head = next(segments)
        with av.open(str(head.path)) as encoded:
            video = out.add_stream_from_template(encoded.streams.video[0])
        sounds = {stream.index: copy_of(stream, out) for stream in original.streams.audio}
        packets: Iterable[AnyPacket] = heapq.merge(
            video_packets(chain([head], segments), video, detail),
            sound_packets(original, sounds),
            key=lambda packet: (packet.dts or 0) * (packet.time_base or 0),
        )
        for packet in packets:
            out.mux(packet)


def options(original: InputContainer) -> dict[str, str]:
    """Playable while it loads; and where streams start late, late to the tick, not to the ms."""
    ticks = lcm(*(stream.time_base.denominator for stream in original.streams if stream.time_base))
    return {
        "movflags": "+faststart",
        "movie_timescale": str(ticks if ticks <= LARGEST_TIMESCALE else 90_000),
    }


def copy_of(stream: AudioStream, out: OutputContainer) -> AudioStream:
    copy = out.add_stream_from_template(stream)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    return copy


def video_packets(
    segments: Iterator[Encoded], video: VideoStream, detail: VideoDetail
) -> Iterator[AnyPacket]:
    """Packets timed anew over all segments: a container shifts times, and no seam may show."""
    step = max(1, round(1 / (Fraction(*detail.rate) * detail.tick)))
    due: deque[int] = deque()
    for segment in segments:
        if not due:
            due.extend(segment.times[0] - (REORDERED - n) * step for n in range(REORDERED))
        due.extend(segment.times)
        with av.open(str(segment.path)) as encoded:
            packets = [packet for packet in encoded.demux(video=0) if packet.size]
            shown = sorted(packet.pts or 0 for packet in packets)
            at = dict(zip(shown, segment.times, strict=True))
            for packet in packets:
                packet.pts, packet.dts = at[packet.pts or 0], due.popleft()
                packet.duration, packet.time_base = step, detail.tick
                packet.stream = video
                yield packet


def sound_packets(original: InputContainer, sounds: dict[int, AudioStream]) -> Iterator[AnyPacket]:
    if not sounds:
        return
    for packet in original.demux(*original.streams.audio):
        if packet.size:
            packet.stream = sounds[packet.stream_index]
            yield packet
