"""Files without usable times are cut into segments: no frame is lost or doubled."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType
from av.video.stream import VideoStream

from tests.support.media import facts, make_clip
from tests.unit.test_video import refusal, split, stitch
from workloads.video.detail import VideoDetail
from workloads.video.splitting.planning import segment_starts


def clock_that_starts_over(folder: Path, gop: int = 12) -> Path:
    part = make_clip(folder / "part.ts", seconds=2, gop=gop)
    path = folder / "clip.ts"
    path.write_bytes(part.read_bytes() * 3)
    return path


def clock_that_starts_over_in_a_program_stream(folder: Path) -> Path:
    """A file whose packets have no positions, which is read from its beginning."""
    part = folder / "part.mpg"
    with (
        av.open("testsrc2=size=320x180:rate=25:duration=2", format="lavfi") as source,
        av.open(str(part), "w") as out,
    ):
        video = out.add_stream("mpeg2video", rate=25)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt, video.gop_size = 320, 180, "yuv420p", 12
        video.codec_context.time_base, video.codec_context.max_b_frames = Fraction(1, 25), 2
        for n, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base, frame.pict_type = n, Fraction(1, 25), PictureType.NONE
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    path = folder / "clip.mpg"
    path.write_bytes(part.read_bytes() * 3)
    return path


def few_keyframes(folder: Path) -> Path:
    """So that it is cut between them."""
    return clock_that_starts_over(folder, gop=250)


ODD = [clock_that_starts_over, few_keyframes, clock_that_starts_over_in_a_program_stream]


@pytest.mark.parametrize("make", ODD)
def test_segments_hold_all_frames(make: Callable[[Path], Path], tmp_path: Path) -> None:
    clip = make(tmp_path)
    pieces, whole = split(clip, 0.7), split(clip, 1000, opening_frames=0)
    assert VideoDetail.model_validate(pieces.job.detail).sequential
    assert len(whole.segments) == 1
    assert len(pieces.segments) > 4
    assert pieces.job.items == whole.job.items == 150
    cut = [frame for frames in pieces.segments for frame in frames]
    assert [frame.item.data for frame in cut] == [frame.item.data for frame in whole.segments[0]]
    for (before, at), (after, then) in zip(
        pairwise(frame.pts for frame in whole.segments[0]),
        pairwise(frame.pts for frame in cut),
        strict=True,
    ):
        assert after < then
        assert abs((at - before) - (then - after)) <= Fraction(1, 12) / tick_of(clip)


def tick_of(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        tick = container.streams.video[0].time_base
    assert tick
    return tick


@pytest.mark.parametrize("make", ODD)
def test_each_segment_keeps_within_its_span(make: Callable[[Path], Path], tmp_path: Path) -> None:
    found = split(make(tmp_path), 0.7)
    for frames, span in zip(found.segments, found.job.segments, strict=True):
        assert frames[0].pts >= span.start
        assert frames[-1].pts < span.stop or span == found.job.segments[-1]


@pytest.mark.parametrize("make", ODD)
def test_they_are_painted_completely(make: Callable[[Path], Path], tmp_path: Path) -> None:
    clip = make(tmp_path)
    times = facts(stitch(split(clip, 0.7), clip, tmp_path).path).times
    assert len(times) == 150
    assert abs(times[-1] - times[0] - Fraction(149, 25)) < Fraction(1, 5)


@pytest.mark.parametrize("make", ODD)
def test_the_longest_duration_applies_to_them(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert refusal(make(tmp_path), longest_seconds=3) == (
        "the video is 6 s long; at most 3 are taken"
    )


def test_a_long_video_with_one_keyframe_is_decoded_about_ten_times_at_most() -> None:
    times = list(range(100_000))
    starts, keyframes = segment_starts(times, [0], Fraction(100))
    assert set(keyframes) == {0}
    decoded = sum(stop for stop in [*starts[1:], len(times)])
    assert decoded < 12 * len(times)
    assert max(b - a for a, b in pairwise(starts)) <= len(times) / 8
