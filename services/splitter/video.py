"""All that the splitter knows of video: what it takes, where to cut, and the frames themselves."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from typing import BinaryIO, NamedTuple, TypeVar

import av
import simplejpeg
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from shared.errors import Refused
from shared.jobs import Job, Span
from shared.shards import Item
from shared.video import SegmentDetail, VideoDetail

__all__ = ["Frame", "Plan", "SegmentDetail", "frames", "plan", "take"]

#: Playlists and concat scripts make FFmpeg open other files; nothing but these is ever opened.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2"
AUDIO_CODECS = {"aac"}
HDR_TRANSFERS = {16, 18}  # PQ and HLG
UNSPECIFIED = 2
#: Untagged pictures larger than this are high definition, and those are BT.709.
LARGEST_SD = (1024, 576)
#: How far before a segment to start decoding, in seconds, until its first frame comes out.
RUN_UPS = (0, 5, 30, 10**6)

T = TypeVar("T")


class Plan(NamedTuple):
    segments: list[Span]
    detail: VideoDetail


class Frame(NamedTuple):
    pts: int
    item: Item


def plan(file: BinaryIO, segment_seconds: float) -> Plan:
    """Where to cut, known from packets alone; Refused where the video isn't one we can do."""
    with opened(file) as (container, stream):
        check_streams(container, stream)
        tick = tick_of(stream)
        shown, keyframes = moments(container, stream)
        times = sorted(shown)
        if not times:
            raise Refused("the video has no frames")
        if len(set(times)) != len(times):
            raise Refused("two frames of the video claim the same moment")
        starts = cuts(times[0], sorted(keyframes), Fraction(segment_seconds) / tick)
        check_first_frame(container, stream)
        rate = stream.average_rate or Fraction(25)
        detail = VideoDetail(
            width=stream.width,
            height=stream.height,
            time_base=tick.as_integer_ratio(),
            rate=rate.as_integer_ratio(),
            sample_aspect=(stream.sample_aspect_ratio or Fraction(1)).as_integer_ratio(),
        )
    spans = [
        Span(start=start, stop=stop, items=bisect_left(times, stop) - bisect_left(times, start))
        for start, stop in pairwise([*starts, times[-1] + 1])
    ]
    return Plan(spans, detail)


def moments(container: InputContainer, stream: VideoStream) -> tuple[list[int], list[int]]:
    """When its frames are shown, and which of them decoding can start from."""
    shown, keyframes = [], []
    for packet in container.demux(stream):
        if packet.pts is None:
            continue
        if not packet.is_discard:
            shown.append(packet.pts)
        if packet.is_keyframe:
            keyframes.append(packet.pts)
    return shown, keyframes


def tick_of(stream: VideoStream) -> Fraction:
    if not stream.time_base:
        raise Refused("the video doesn't say when its frames are shown")
    return stream.time_base


def cuts(first: int, keyframes: list[int], ticks: Fraction) -> list[int]:
    """Where segments start: each at the first keyframe that is far enough from the last start."""
    starts = [first]
    while (after := bisect_left(keyframes, starts[-1] + ticks)) < len(keyframes):
        starts.append(keyframes[after])
    return starts


def frames(file: BinaryIO, job: Job, segment: int, quality: int) -> Iterator[Frame]:
    """The segment's frames as JPEG, with the moment at which each is shown."""
    span = job.segments[segment]
    count = 0
    with opened(file) as (container, stream):
        to_rgb = VideoReformatter()
        for count, frame in enumerate(decoded(container, stream, span), start=1):
            pixels = to_rgb.reformat(
                frame, format="rgb24", src_colorspace=colour_of(frame)
            ).to_ndarray()
            data = simplejpeg.encode_jpeg(pixels, quality, "RGB", "420")
            yield Frame(frame.pts or 0, Item(f"{count - 1:06}.jpg", data))
    if count != span.items:
        raise Refused(
            f"the video is damaged: of the {span.items} frames from {start_of(job, span):.1f} s "
            f"only {count} can be decoded"
        )


def start_of(job: Job, span: Span) -> float:
    return float(span.start * VideoDetail.model_validate(job.detail).tick)


def take(frames: Iterator[T], count: int) -> list[T]:
    return list(islice(frames, count))


@contextmanager
def opened(file: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
    try:
        container = av.open(file, "r", container_options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise Refused("the file isn't a whole mp4 or mov; for now only those are taken") from error
    with container:
        if not container.streams.video:
            raise Refused("there is no video in the file")
        try:
            yield container, container.streams.video[0]
        except av.FFmpegError as error:
            raise Refused(f"the video is damaged: {error.strerror}") from error


def check_streams(container: InputContainer, stream: VideoStream) -> None:
    codec = stream.codec_context
    if codec.name != "h264":
        raise Refused(f"the video is {codec.name}; for now only h264 is taken")
    if codec.pix_fmt not in ("yuv420p", "yuvj420p"):
        raise Refused(f"the picture is {codec.pix_fmt}; for now only 8-bit 4:2:0 is taken")
    if codec.color_trc in HDR_TRANSFERS:
        raise Refused("the video is HDR; for now only standard range is taken")
    if stream.width % 2 or stream.height % 2:
        raise Refused(f"the picture is {stream.width}×{stream.height}; odd sizes aren't taken yet")
    for other in container.streams:
        if other is stream:
            continue
        if other.type != "audio":
            raise Refused(f"there is a {other.type} stream beside the video; it would be lost")
        if other.codec_context.name not in AUDIO_CODECS:
            raise Refused(f"the sound is {other.codec_context.name}; for now only aac is taken")


def check_first_frame(container: InputContainer, stream: VideoStream) -> None:
    container.seek(0)
    frame = next(container.decode(stream), None)
    if frame is None:
        raise Refused("not one frame of the video can be decoded")
    if frame.rotation:
        raise Refused("the video is rotated by a tag; for now only upright ones are taken")
    if frame.interlaced_frame:
        raise Refused("the video is interlaced; for now only progressive ones are taken")


def decoded(container: InputContainer, stream: VideoStream, span: Span) -> Iterator[VideoFrame]:
    """Frames from start to stop. A seek may land late, or on no keyframe: then go further back."""
    tick = tick_of(stream)
    for run_up in RUN_UPS:
        container.seek(span.start - int(run_up / tick), stream=stream)
        found = (frame for frame in container.decode(stream) if (frame.pts or 0) >= span.start)
        first = next(found, None)
        if first is None or first.pts != span.start:
            continue
        yield first
        for frame in found:
            if (frame.pts or 0) >= span.stop:
                return
            yield frame
        return
    raise Refused(f"the video is damaged: there is no frame at {float(span.start * tick):.2f} s")


def colour_of(frame: VideoFrame) -> Colorspace:
    if frame.colorspace != UNSPECIFIED:
        return Colorspace(frame.colorspace)
    large = frame.width > LARGEST_SD[0] or frame.height > LARGEST_SD[1]
    return Colorspace.ITU709 if large else Colorspace.ITU601
