"""A video begins with a segment of few frames, so that the first of them are soon painted."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.media import make_clip
from tests.unit.test_video import split
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.planning import OPENED_FRAMES, segment_starts

OPENING = SplittingSettings().opening_frames


@pytest.mark.parametrize("gop", [12, 250])
def test_its_first_frames_are_a_segment_and_none_is_lost_or_doubled(
    gop: int, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=5, gop=gop)
    opened, whole = split(clip, 10), split(clip, 10, opening_frames=0)
    assert len(whole.segments) == 1
    assert [len(frames) for frames in opened.segments] == [OPENING, 125 - OPENING]
    shown = [frame.pts for frames in opened.segments for frame in frames]
    assert shown == [frame.pts for frames in whole.segments for frame in frames]
    assert len(set(shown)) == 125
    assert [span.items for span in opened.job.segments] == list(map(len, opened.segments))


def test_the_other_segments_stay_where_they_were() -> None:
    times, keyframes = list(range(3000)), list(range(0, 3000, 250))
    starts, decoded_from = segment_starts(times, keyframes, Fraction(250), OPENING)
    assert starts == [0, OPENING, *range(250, 3000, 250)]
    assert decoded_from == [0, 0, *range(250, 3000, 250)]
    assert all(a < b for a, b in pairwise(starts))


@pytest.mark.parametrize("frames", [1, OPENING, OPENED_FRAMES])
def test_a_short_video_has_no_such_segment(frames: int) -> None:
    assert segment_starts(list(range(frames)), [0], Fraction(250), OPENING) == ([0], [0])


def test_a_video_whose_first_segment_is_short_anyway_has_no_such_segment() -> None:
    keyframes = list(range(0, 1000, 50))
    starts, _ = segment_starts(list(range(1000)), keyframes, Fraction(50), OPENING)
    assert starts == keyframes
