"""Random clips are painted as they are; randomly damaged files are painted or refused."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

from shared.errors import Refused
from shared.records import Job, Segment, Source
from shared.sandbox import Limits, Output, Result, Sandbox
from shared.shards import unpack
from tests.support.media import assert_same_sound, facts, make_clip
from tests.unit.test_video import split, stitch
from workloads.video.detail import SegmentDetail
from workloads.video.settings import SplittingSettings, StitchingSettings
from workloads.video.splitting.decoder import SHARD_FRAMES, Shard, VideoPlan
from workloads.video.stitching.encoding import encode
from workloads.video.stitching.muxer import Muxed, notes_of

pytestmark = pytest.mark.slow

SUFFIXES = {
    "libx264": ["mp4", "mkv", "mov", "ts"],
    "libx265": ["mp4", "mkv"],
    "libvpx": ["webm", "mkv"],
}
COLOURS = ["0x3c78b4", "0xb43c3c", "0x808080", "0x205020"]


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, object]:
    codec = draw(st.sampled_from(sorted(SUFFIXES)))
    options: dict[str, str] = {"bf": str(draw(st.integers(0, 3)))}
    pixels = "yuv420p"
    if codec == "libvpx":
        options = {"deadline": "realtime", "cpu-used": "8"}
    if codec == "libx265":
        options = {"x265-params": "log-level=error:bframes=3"}
    if codec == "libx264":
        pixels = draw(st.sampled_from(["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"]))
    suffix = draw(st.sampled_from(SUFFIXES[codec]))
    return {
        "suffix": suffix,
        "codec": codec,
        "options": options,
        "pixels": pixels,
        "seconds": draw(st.sampled_from([0.2, 0.9, 1.7])),
        "rate": draw(st.sampled_from([10, 25, 50, Fraction(30000, 1001), Fraction(24000, 1001)])),
        "size": draw(st.sampled_from(["64x48", "160x90", "322x182"])),
        "gop": draw(st.sampled_from([1, 5, 12, 250])),
        "gaps": draw(st.none() | st.lists(st.sampled_from([0, 900, 1800, 45_000]), min_size=1)),
        "tracks": draw(
            st.sampled_from(
                [(), ("aac",), ("aac", "aac")] if suffix != "webm" else [(), ("libopus",)]
            )
        ),
        "rotation": draw(st.sampled_from([0, 0, 90, 180, 270])) if suffix == "mp4" else 0,
        "late": draw(st.sampled_from([0, 0, 9_000, 45_000])),
        "picture": draw(st.sampled_from(["testsrc2=", *(f"color=c={c}:" for c in COLOURS)])),
    }


def first_frame(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)


#: A transport stream of only ten packets.
SHORTEST: dict[str, object] = {
    "suffix": "ts",
    "codec": "libx264",
    "options": {"bf": "0"},
    "pixels": "yuv420p",
    "seconds": 0.2,
    "rate": 10,
    "size": "64x48",
    "gop": 1,
    "gaps": None,
    "tracks": (),
    "rotation": 0,
    "late": 0,
    "picture": "color=c=0x808080:",
}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@example(SHORTEST, 1.0)
@given(recipes(), st.sampled_from([0.3, 1.0, 10.0]))
def test_any_clip_keeps_its_frames_times_and_sound(
    recipe: dict[str, object], segment_seconds: float
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = dict(recipe)
        source = folder / f"clip.{made.pop('suffix')}"
        try:
            make_clip(source, **made)  # type: ignore[arg-type]
        except av.FFmpegError:
            reject()  # FFmpeg can't make some clips
        output = stitch(split(source, segment_seconds), source, folder)
        before, after = facts(source), facts(output.path)
        assert len(after.times) == len(before.times)
        for was, now in zip(before.times, after.times, strict=True):
            assert abs(now - was) <= after.tick
        assert_same_sound(before, after)
        turned = recipe["rotation"] in (90, 270)
        assert after.size == (before.size[::-1] if turned else before.size)
        damage = [n for n in output.notes if "turned" not in n and "may be missing" not in n]
        assert damage == []
        if recipe["picture"] != "testsrc2=":
            wanted = [int(str(recipe["picture"])[-7:-1][n : n + 2], 16) for n in (0, 2, 4)]
            assert np.abs(first_frame(output.path) - wanted).mean(axis=(0, 1)).max() <= 4


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Flip bits, zero or cut off a part, or scramble a header."""
    spoiled = bytearray(data)
    kind = chance.choice(["flip", "zero", "cut", "header", "shuffle"])
    if kind == "cut":
        return bytes(spoiled[: chance.randrange(len(spoiled))])
    area = min(len(spoiled), 2000) if kind == "header" else len(spoiled)
    for _ in range(chance.choice([1, 5, 50])):
        at = chance.randrange(area)
        spoiled[at] = chance.randrange(256) if kind != "zero" else 0
    if kind == "shuffle":
        at, length = chance.randrange(len(spoiled)), chance.randrange(1, 5000)
        spoiled[at : at + length] = chance.randbytes(len(spoiled[at : at + length]))
    return bytes(spoiled)


def outcome(decoder: Sandbox, muxer: Sandbox, path: Path, folder: Path) -> str:
    """Run each step in its sandbox, as the services do."""
    files: dict[str, Callable[[], BinaryIO]] = {"source": reading(path)}
    settings = SplittingSettings.model_validate({"segment_seconds": 1}).own()
    found = []
    try:
        with decoder.run(on, "plan", VideoPlan, {"settings": settings}, files) as plans:
            [(plan, _)] = plans
        job = Job(
            job="clip-0123456789ab",
            trace="t",
            source=Source(container="input", blob="clip", etag="e", size=path.stat().st_size),
            model="original",
            created=datetime.now(UTC),
            segments=plan.segments,
            detail=plan.detail.model_dump(),
        )
        for number, span in enumerate(plan.segments):
            args = {
                "settings": settings,
                "detail": job.detail,
                "span": span.model_dump(),
                "segment": number,
                "shard_frames": SHARD_FRAMES,
            }
            with decoder.run(on, "shards", Shard, args, files) as shards:
                found.append(split_segment(job, number, list(shards), folder))
        args = {
            "settings": StitchingSettings().own(),
            "detail": job.detail,
            "times": [SegmentDetail.model_validate(each.detail).pts for each in found],
        }
        for each in found:
            files[f"segment/{each.segment}"] = reading(folder / f"segment-{each.segment}")
        with (folder / "output").open("w+b") as file:
            output = Output(file, 100 << 20)
            with muxer.run(on, "mux", Muxed, args, files, output) as results:
                [(made, _)] = results
    except Refused as refusal:
        return f"refused: {refusal}"
    frames, notes = len(facts(folder / "output").times), notes_of(job, found) + made.notes
    assert frames == sum(each.items for each in found)
    assert frames == job.items or notes, f"{job.items - frames} frames went in silence"
    return f"finished: {frames} frames; {notes}"


def reading(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def split_segment(job: Job, number: int, shards: list[Result[Shard]], folder: Path) -> Segment:
    """Encode the unpainted frames to a file in the folder; return the segment's record."""
    times = [pts for shard in shards for pts in shard.value.pts]
    detail = SegmentDetail(
        pts=times,
        lost=max(0, job.segments[number].items - len(times)),
        damaged=sum(shard.value.damaged for shard in shards),
        scaled=sum(shard.value.scaled for shard in shards),
    )
    segment = Segment(
        job=job.job,
        segment=number,
        items=len(times),
        shards=len(shards),
        detail=detail.model_dump(),
    )
    if times:
        items = [item for shard in shards for item in unpack(shard.data)]
        encode(items, job, segment, folder / f"segment-{number}", StitchingSettings())
    return segment


def on() -> None:
    """Never interrupt."""


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_damaged_files_are_painted_or_refused(suffix: str, tmp_path: Path) -> None:
    good = make_clip(tmp_path / f"good.{suffix}", seconds=1.5, size="160x90")
    limits = Limits(memory_mib=4096, stall_seconds=60, total_seconds=600)
    decoder = Sandbox("workloads.video.splitting.tasks", limits, required=False)
    muxer = Sandbox("workloads.video.stitching.tasks", limits, required=False)
    chance = random.Random(11)
    for number in range(12):
        path = tmp_path / f"{number}.{suffix}"
        path.write_bytes(spoil(good.read_bytes(), chance))
        folder = tmp_path / f"out-{number}"
        folder.mkdir()
        said = outcome(decoder, muxer, path, folder)
        assert said.startswith(("finished: ", "refused: "))
    decoder.close()
    muxer.close()
