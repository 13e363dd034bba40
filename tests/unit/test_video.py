"""Splitting and stitching without services: what must survive does, in every kind of clip."""

import io
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import simplejpeg

from services.splitter import video as splitting
from services.stitcher import video as stitching
from services.stitcher.settings import StitcherSettings
from shared.errors import Refused
from shared.jobs import Job, Segment, Source
from shared.shards import Item
from shared.video import SegmentDetail
from tests.conftest import BESIDE
from tests.media import assert_same_but_for_the_picture, make_clip

CLIPS: dict[str, dict[str, object]] = {
    "plain": {},
    "open GOP": {"x264": "bframes=3:open-gop=1:b-pyramid=normal"},
    "no B-frames": {"x264": "bframes=0"},
    "every frame a keyframe": {"gop": 1},
    "one keyframe": {"gop": 250},
    "30000/1001": {"rate": Fraction(30000, 1001)},
    "variable rate": {"gaps": [0, 1500, 0, 7200, 333]},
    "gap of seconds": {"gaps": [0] * 30 + [270_000]},
    "late start": {"late": 45_000},
    "silent": {"sound": False},
    "one frame": {"seconds": 0.04},
}


class Split(NamedTuple):
    job: Job
    segments: list[list[splitting.Frame]]


def split(path: Path, segment_seconds: float = 1, quality: int = 95) -> Split:
    with path.open("rb") as file:
        plan = splitting.plan(file, segment_seconds)
        job = Job(
            job="clip-0123456789ab",
            trace="t",
            source=Source(container="input", blob="clip.mp4", etag="e", size=path.stat().st_size),
            model="original",
            created=datetime.now(UTC),
            segments=plan.segments,
            detail=plan.detail.model_dump(),
        )
        return Split(
            job, [list(splitting.frames(file, job, n, quality)) for n in range(len(job.segments))]
        )


def stitch(found: Split, source: Path, folder: Path) -> Path:
    encoded = []
    for number, frames in enumerate(found.segments):
        times = [frame.pts for frame in frames]
        segment = Segment(
            job=found.job.job,
            segment=number,
            items=len(frames),
            shards=1,
            detail=SegmentDetail(pts=times).model_dump(),
        )
        path = folder / f"segment-{number}"
        items = (frame.item for frame in frames)
        stitching.encode(items, found.job, segment, path, StitcherSettings())
        encoded.append(stitching.Encoded(path, times))
    output = folder / "output.mp4"
    with source.open("rb") as file:
        stitching.mux(iter(encoded), found.job, file, output)
    return output


@pytest.mark.parametrize("kind", CLIPS)
def test_there_and_back(kind: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", **CLIPS[kind])  # type: ignore[arg-type]
    found = split(clip)
    if kind not in ("one keyframe", "one frame"):
        assert len(found.segments) > 1
    assert_same_but_for_the_picture(stitch(found, clip, tmp_path), clip)


@pytest.mark.parametrize("kind", ["plain", "open GOP", "variable rate", "every frame a keyframe"])
def test_segments_hold_the_frames_of_a_sequential_decode(kind: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", **CLIPS[kind])  # type: ignore[arg-type]
    by_segment = [f.item.data for frames in split(clip, 0.5).segments for f in frames]
    whole = [f.item.data for frames in split(clip, 1000).segments for f in frames]
    assert by_segment == whole


def test_seams_dont_show_in_decoding_times(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=4)
    output = stitch(split(clip), clip, tmp_path)
    with av.open(str(output)) as container:
        stamps = [p.dts for p in container.demux(video=0) if p.size and p.dts is not None]
    assert len(stamps) == 100
    assert all(a < b for a, b in pairwise(stamps))


@pytest.mark.parametrize("colour", [(200, 40, 40), (0, 128, 0), (30, 60, 200), (128, 128, 128)])
@pytest.mark.parametrize("size", ["320x180", "1280x720"])
def test_colours_stay_what_they_are(
    colour: tuple[int, int, int], size: str, tmp_path: Path
) -> None:
    width, height = map(int, size.split("x"))
    flat = np.full((height, width, 3), colour, np.uint8)
    data = simplejpeg.encode_jpeg(flat, 95, "RGB", "420")
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.2, size=size, sound=False)
    found = split(clip)
    flat_frames = [
        [frame._replace(item=Item(frame.item.name, data)) for frame in frames]
        for frames in found.segments
    ]
    output = stitch(found._replace(segments=flat_frames), clip, tmp_path)
    with av.open(str(output)) as container:
        again = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(again.astype(int) - colour).mean(axis=(0, 1)).max() <= 2


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        split(path)
    return str(caught.value)


def test_what_isnt_video_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("hello\n" * 100)
    assert "isn't a whole mp4 or mov" in refusal(text)


def test_a_script_that_opens_other_files_is_refused(tmp_path: Path) -> None:
    make_clip(tmp_path / "other.mp4", seconds=0.2)
    for name, script in {
        "concat.mp4": "ffconcat version 1.0\nfile other.mp4\n",
        "list.mp4": "#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
    }.items():
        path = tmp_path / name
        path.write_text(script)
        assert "isn't a whole mp4 or mov" in refusal(path)


def test_a_truncated_video_is_refused_as_damaged(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", sound=False)
    fast = tmp_path / "fast.mp4"
    with (
        av.open(str(clip)) as source,
        av.open(str(fast), "w", container_options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    fast.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])
    assert "damaged" in refusal(fast)


def test_a_file_that_only_looks_like_a_blob_is_read_through_python(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.2)
    assert splitting.plan(io.BytesIO(clip.read_bytes()), 10).segments[0].items == 5


ODD = {
    "alpha.webm": "isn't a whole mp4",
    "concat.mp4": "isn't a whole mp4",
    "corrupt_mdat.mp4": "damaged",
    "cover.mp3": "isn't a whole mp4",
    "hdr10.mp4": "hevc",
    "image.png": "isn't a whole mp4",
    "interlaced.mp4": "interlaced",
    "multiaudio.mkv": "isn't a whole mp4",
    "odd444.mp4": "yuv444p",
    "opus.mkv": "isn't a whole mp4",
    "pcm.mov": "pcm_s16le",
    "random.mp4": "isn't a whole mp4",
    "rot90.mp4": "rotated",
    "subs.mp4": "subtitle",
    "text.txt": "isn't a whole mp4",
    "trunc_faststart.mp4": "damaged",
    "ts.ts": "isn't a whole mp4",
}
TAKEN = [
    "audiolate",
    "editlist",
    "frag",
    "fullrange",
    "noaudio",
    "normal",
    "oneframe",
    "sar",
    "vfr",
]


def odd(name: str) -> Path:
    path = BESIDE / "media" / "odd" / name
    if not path.exists():
        pytest.skip("the collection of odd files isn't beside the project")
    return path


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_refused_with_the_right_reason(name: str) -> None:
    assert ODD[name] in refusal(odd(name))


@pytest.mark.parametrize("name", TAKEN)
def test_odd_files_that_are_ordinary_enough(name: str, tmp_path: Path) -> None:
    path = odd(f"{name}.mp4")
    assert_same_but_for_the_picture(stitch(split(path), path, tmp_path), path)
