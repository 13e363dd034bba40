"""All that the stitcher knows of video: frames to an encoded segment, segments to the output."""

import heapq
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path
from typing import BinaryIO

import av
import simplejpeg
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from services.stitcher.settings import StitcherSettings
from shared.jobs import Job, Segment
from shared.shards import Item
from shared.video import OUTPUT_SUFFIX, SegmentDetail, VideoDetail

__all__ = ["OUTPUT_SUFFIX", "encode", "mux"]

#: How many frames x264 sends ahead of one shown before them: a B-pyramid needs two.
REORDERED = 2
LARGEST_TIMESCALE = 10_000_000


def encode(
    items: Iterable[Item], job: Job, segment: Segment, path: Path, settings: StitcherSettings
) -> None:
    """One segment as a file of its own, each frame at its source's moment."""
    detail = VideoDetail.model_validate(job.detail)
    times = SegmentDetail.model_validate(segment.detail).pts
    to_yuv = VideoReformatter()
    with av.open(str(path), "w", format="mp4") as out:
        stream = add_encoder(out, detail, settings)
        for pts, item in zip(times, items, strict=True):
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


def mux(segments: Iterator[tuple[Path, Segment]], job: Job, source: BinaryIO, path: Path) -> None:
    """All segments by packet copy, with the source's own sound, as one file."""
    detail = VideoDetail.model_validate(job.detail)
    with (
        av.open(source) as original,
        av.open(str(path), "w", format="mp4", container_options=options(original)) as out,
    ):
        out.metadata.update(original.metadata)
        first_path, first = next(segments)
        with av.open(str(first_path)) as encoded:
            video = out.add_stream_from_template(encoded.streams.video[0])
        sounds = {stream.index: copy_of(stream, out) for stream in original.streams.audio}
        packets = heapq.merge(
            video_packets(first_path, first, segments, video, detail),
            sound_packets(original, sounds),
            key=lambda packet: (packet.dts or 0) * packet.time_base,
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


def copy_of(stream: Stream, out: OutputContainer) -> Stream:
    copy = out.add_stream_from_template(stream)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    return copy


def video_packets(
    path: Path,
    segment: Segment,
    rest: Iterator[tuple[Path, Segment]],
    video: VideoStream,
    detail: VideoDetail,
) -> Iterator[Packet]:
    """Packets with times made anew over all segments: a container shifts them, and no seam may show."""
    step = max(1, round(1 / (Fraction(*detail.rate) * detail.tick)))
    start = SegmentDetail.model_validate(segment.detail).pts[0]
    due = [start - (REORDERED - n) * step for n in range(REORDERED)]
    for path, segment in chain([(path, segment)], rest):
        times = SegmentDetail.model_validate(segment.detail).pts
        due += times
        with av.open(str(path)) as encoded:
            packets = [packet for packet in encoded.demux(video=0) if packet.size]
            shown = sorted(packet.pts for packet in packets)
            at = dict(zip(shown, times, strict=True))
            for packet in packets:
                packet.pts, packet.dts, packet.duration = at[packet.pts], due.pop(0), step
                packet.time_base = detail.tick
                packet.stream = video
                yield packet


def sound_packets(original: InputContainer, sounds: dict[int, Stream]) -> Iterator[Packet]:
    if not sounds:
        return
    for packet in original.demux(original.streams.audio):
        if packet.size:
            packet.stream = sounds[packet.stream_index]
            yield packet
