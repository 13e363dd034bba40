"""Encodes a segment's scored frames with the chosen video codec, at the times of the source."""

import os
from collections.abc import Generator, Iterable
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import simplejpeg
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream

from shared.prefetch import prefetch
from shared.records import Job, Segment
from shared.shards import Item
from workloads.video.detail import SegmentDetail, VideoDetail
from workloads.video.settings import StitchingSettings

#: Without these, conversion truncates: a level is lost, and another at saturated colours.
ROUNDED = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
#: How many frames are decoded while the encoder is busy.
DECODED_AHEAD = 4
#: SVT-AV1's presets that take about as long as x264's of that name.
AV1_PRESETS = {
    "ultrafast": 12,
    "superfast": 11,
    "veryfast": 10,
    "faster": 9,
    "fast": 8,
    "medium": 6,
    "slow": 5,
    "slower": 4,
}


def encode(
    items: Iterable[Item], job: Job, segment: Segment, path: Path, settings: StitchingSettings
) -> None:
    detail = VideoDetail.model_validate(job.detail)
    times = SegmentDetail.model_validate(segment.detail).pts
    with av.open(str(path), "w", format="mp4") as out:
        stream = add_encoder(out, detail, settings)
        with closing(prefetch(pictures(items), DECODED_AHEAD)) as frames:
            for pts, frame in zip(times, frames, strict=True):
                frame.pts, frame.time_base = pts - times[0], detail.tick
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def pictures(items: Iterable[Item]) -> Generator[VideoFrame]:
    to_yuv = VideoReformatter()
    for item in items:
        pixels = simplejpeg.decode_jpeg(item.data, "RGB")
        rgb = VideoFrame.from_numpy_buffer(pixels, format="rgb24")
        yield to_yuv.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=ROUNDED,
        )


def add_encoder(
    out: OutputContainer, detail: VideoDetail, settings: StitchingSettings
) -> VideoStream:
    encoder, options = encoder_of(settings)
    stream = out.add_stream(encoder, rate=Fraction(*detail.rate))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = detail.width, detail.height
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = detail.tick
    codec.sample_aspect_ratio = Fraction(*detail.sample_aspect)
    codec.options = options
    codec.colorspace = Colorspace.ITU709
    codec.color_primaries = ColorPrimaries.BT709
    codec.color_trc = ColorTrc.BT709
    codec.color_range = ColorRange.MPEG
    return stream


def encoder_of(settings: StitchingSettings) -> tuple[str, dict[str, str]]:
    crf, preset = str(settings.video_crf), settings.video_preset
    if settings.video_codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # or it prints its whole configuration each time
        return "libsvtav1", {"preset": str(AV1_PRESETS[preset]), "crf": crf}
    if settings.video_codec == "hevc":
        return "libx265", {"preset": preset, "crf": crf, "x265-params": "log-level=error"}
    return "libx264", {"preset": preset, "crf": crf}
