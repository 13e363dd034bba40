"""Splitting and stitching, without services, keep frames, times, colours, sound and metadata."""

import io
import secrets
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import simplejpeg

from shared.errors import Refused
from shared.records import Job, Segment, Source
from shared.shards import Item
from tests.support.media import assert_same_but_for_the_picture, make_clip
from workloads.video.detail import SegmentDetail, VideoDetail
from workloads.video.settings import SplittingSettings, StitchingSettings
from workloads.video.splitting import decoding as splitting
from workloads.video.splitting import planning
from workloads.video.stitching.copied_streams import codec_of
from workloads.video.stitching.encoding import encode
from workloads.video.stitching.muxer import notes_of
from workloads.video.stitching.muxing import mux
from workloads.video.stitching.packets import EncodedSegment

CLIPS: dict[str, dict[str, object]] = {
    "plain": {},
    "open GOP": {"options": {"bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}},
    "no B-frames": {"options": {"bf": "0"}},
    "every frame a keyframe": {"gop": 1},
    "one keyframe": {"gop": 250},
    "30000/1001": {"rate": Fraction(30000, 1001)},
    "variable rate": {"gaps": [0, 1500, 0, 7200, 333]},
    "gap of seconds": {"gaps": [0] * 30 + [270_000]},
    "late start": {"late": 45_000},
    "silent": {"tracks": ()},
    "hevc": {"codec": "libx265", "options": {"x265-params": "log-level=error"}},
    "10 bits": {"pixels": "yuv420p10le"},
    "4:2:2": {"pixels": "yuv422p"},
    "4:4:4": {"pixels": "yuv444p"},
    "three tracks": {"tracks": ("aac", "ac3", "libopus")},
    "one frame": {"seconds": 0.04},
}


class Split(NamedTuple):
    job: Job
    segments: list[list[splitting.Frame]]


def split(path: Path, segment_seconds: float = 1, **changes: object) -> Split:
    settings = SplittingSettings.model_validate({"segment_seconds": segment_seconds} | changes)
    with path.open("rb") as file:
        plan = planning.plan(file, settings)
        job = Job(
            job="clip-0123456789ab",
            trace="t",
            source=Source(container="input", blob="clip.mp4", etag="e", size=path.stat().st_size),
            model="original",
            created=datetime.now(UTC),
            segments=plan.segments,
            detail=plan.detail.model_dump(),
        )
        segments = [
            list(splitting.frames(file, plan.detail, span, number, settings))
            for number, span in enumerate(plan.segments)
        ]
        return Split(job, segments)


class Stitched(NamedTuple):
    path: Path
    notes: list[str]


def stitch(found: Split, source: Path, folder: Path, **changes: object) -> Stitched:
    settings = StitchingSettings.model_validate(changes)
    encoded, segments = [], []
    for number, frames in enumerate(found.segments):
        times = [frame.pts for frame in frames]
        lost = max(0, found.job.segments[number].items - len(times))
        damaged = sum(frame.damaged for frame in frames)
        scaled = sum(frame.scaled for frame in frames)
        segment = Segment(
            job=found.job.job,
            segment=number,
            items=len(frames),
            shards=1,
            detail=SegmentDetail(pts=times, lost=lost, damaged=damaged, scaled=scaled).model_dump(),
        )
        segments.append(segment)
        path = folder / f"segment-{number}"
        if frames:
            encode((frame.item for frame in frames), found.job, segment, path, settings)
            encoded.append(EncodedSegment(io.BytesIO(path.read_bytes()), times))
    output = folder / "output"
    detail = VideoDetail.model_validate(found.job.detail)
    with source.open("rb") as file, output.open("w+b") as out:
        kind, left = mux(lambda: iter(encoded), detail, file, out, settings)
    return Stitched(output.rename(folder / f"output.{kind}"), notes_of(found.job, segments) + left)


@pytest.mark.parametrize("kind", CLIPS)
def test_a_clip_keeps_frames_times_and_sound(kind: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", **CLIPS[kind])  # type: ignore[arg-type]
    found = split(clip)
    if kind != "one frame":
        assert len(found.segments) > 1
    assert_same_but_for_the_picture(stitch(found, clip, tmp_path).path, clip)


@pytest.mark.parametrize("kind", ["plain", "open GOP", "variable rate", "every frame a keyframe"])
def test_segments_hold_the_frames_of_a_sequential_decode(kind: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", **CLIPS[kind])  # type: ignore[arg-type]
    by_segment = [f.item.data for frames in split(clip, 0.5).segments for f in frames]
    whole = [f.item.data for frames in split(clip, 1000).segments for f in frames]
    assert by_segment == whole


def test_decoding_times_rise_across_segments(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=4)
    output = stitch(split(clip), clip, tmp_path).path
    with av.open(str(output)) as container:
        stamps = [p.dts for p in container.demux(video=0) if p.size and p.dts is not None]
    assert len(stamps) == 100
    assert all(a < b for a, b in pairwise(stamps))


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (255, 255, 0), (0, 128, 0), (30, 60, 200), (128, 128, 128)]
)
@pytest.mark.parametrize("size", ["320x180", "1280x720"])
def test_colours_are_kept(colour: tuple[int, int, int], size: str, tmp_path: Path) -> None:
    width, height = map(int, size.split("x"))
    flat = np.full((height, width, 3), colour, np.uint8)
    data = simplejpeg.encode_jpeg(flat, 95, "RGB", "420")
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.2, size=size, tracks=())
    found = split(clip)
    flat_frames = [
        [frame._replace(item=Item(frame.item.name, data)) for frame in frames]
        for frames in found.segments
    ]
    output = stitch(found._replace(segments=flat_frames), clip, tmp_path).path
    with av.open(str(output)) as container:
        again = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(again.astype(int) - colour).mean(axis=(0, 1)).max() <= 2


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_other_codecs_by_setting(codec: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, late=9_000)
    output = stitch(split(clip), clip, tmp_path, video_codec=codec)
    assert_same_but_for_the_picture(output.path, clip)
    with av.open(str(output.path)) as container:
        assert codec_of(container.streams.video[0]) == codec


@pytest.mark.parametrize("wanted", ["mp4", "mkv"])
def test_title_and_chapters_are_copied(wanted: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mkv", seconds=1)
    clip = tmp_path / "clip.mkv"
    chapters = [
        {"id": n, "start": n * 500, "end": (n + 1) * 500, "time_base": Fraction(1, 1000),
         "metadata": {"title": f"part {n}"}}
        for n in range(2)
    ]  # fmt: skip
    with av.open(str(plain)) as source, av.open(str(clip), "w") as out:
        out.metadata["title"] = "A walk"
        out.set_chapters(chapters)  # type: ignore[arg-type]
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    output = stitch(split(clip), clip, tmp_path, output_format=wanted)
    with av.open(str(output.path)) as container:
        assert container.metadata["title"] == "A walk"
        found = [c["metadata"]["title"] for c in container.chapters()]
    assert found == ["part 0", "part 1"]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"longest_seconds": 1}, "the video is 3 s long; at most 1 are taken"),
        ({"most_frames": 10}, "the video has over 10 frames"),
        ({"most_pixels": 1000}, "the picture is 320×180; at most 1,000 pixels are taken"),
        ({"most_streams": 1}, "the file has 2 streams; at most 1 are taken"),
    ],
)
def test_limits_are_settings(limit: dict[str, object], reason: str, tmp_path: Path) -> None:
    assert refusal(make_clip(tmp_path / "clip.mp4"), **limit) == reason


def refusal(path: Path, **changes: object) -> str:
    with pytest.raises(Refused) as caught:
        split(path, **changes)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "hello\n" * 100,
        "ffconcat version 1.0\nfile other.mp4\n",
        "#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
    ],
    ids=["text", "concat script", "playlist"],
)
def test_text_and_scripts_that_open_other_files_are_refused(content: str, tmp_path: Path) -> None:
    make_clip(tmp_path / "other.mp4", seconds=0.2)
    path = tmp_path / "clip.mp4"
    path.write_text(content)
    assert "isn't a video that can be read" in refusal(path)


def test_a_truncated_stream_has_a_note(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", seconds=2)
    assert stitch(split(clip), clip, tmp_path).notes == []
    cut = tmp_path / "cut.ts"
    cut.write_bytes(clip.read_bytes()[: 188 * (clip.stat().st_size // 376) + 100])
    [note, *_] = stitch(split(cut), cut, tmp_path).notes
    assert note.startswith("the file was cut off: it ends at ")


def test_a_transport_stream_of_a_few_packets_is_painted(tmp_path: Path) -> None:
    """FFmpeg doesn't recognize so short a one by its content."""
    clip = make_clip(
        tmp_path / "clip.ts",
        seconds=0.2,
        rate=10,
        size="64x48",
        options={"bf": "0"},
        picture="color=c=0x808080:",
        tracks=(),
    )
    assert clip.stat().st_size == 10 * 188
    output = stitch(split(clip), clip, tmp_path)
    assert output.notes == []
    assert_same_but_for_the_picture(output.path, clip)


@pytest.mark.parametrize("content", [b"G", b"G" * 1880, (b"G" + b"\xff" * 187) * 10])
def test_what_only_begins_like_a_transport_stream_is_refused(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "clip.ts"
    path.write_bytes(content)
    assert refusal(path)


def test_an_encrypted_video_is_refused(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.4, tracks=())
    locked = tmp_path / "locked.mp4"
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": secrets.token_hex(16),
        "encryption_kid": secrets.token_hex(16),
    }
    with (
        av.open(str(plain)) as source,
        av.open(str(locked), "w", container_options=options) as out,
    ):
        copy = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    assert refusal(locked) == "the video is encrypted"


def test_a_file_object_is_read_through_python(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.2)
    assert planning.plan(io.BytesIO(clip.read_bytes()), SplittingSettings()).segments[0].items == 5


@pytest.mark.parametrize("hostile", ["segment", "source"])
def test_muxing_opens_files_of_the_expected_formats_only(hostile: str, tmp_path: Path) -> None:
    """Whoever can write a segment or a source must not make the stitcher read another file."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4, tracks=())
    found = split(clip)
    [first, *_] = found.segments
    script = f"ffconcat version 1.0\nfile {clip.name}\n".encode()
    segment = script if hostile == "segment" else clip.read_bytes()
    source = first[0].item.data if hostile == "source" else clip.read_bytes()
    with pytest.raises(av.FFmpegError):
        mux(
            lambda: iter([EncodedSegment(io.BytesIO(segment), [frame.pts for frame in first])]),
            VideoDetail.model_validate(found.job.detail),
            io.BytesIO(source),
            io.BytesIO(),
            StitchingSettings(),
        )
