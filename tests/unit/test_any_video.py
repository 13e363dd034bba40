"""Clips made at random, and good files spoiled at random."""

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from shared.cage import Cage
from shared.errors import Refused
from tests.media import assert_same_sound, facts, make_clip
from tests.unit.test_video import split, stitch

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


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipes(), st.sampled_from([0.3, 1.0, 10.0]))
def test_whatever_is_made_comes_out_as_it_went_in(
    recipe: dict[str, object], segment_seconds: float
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = dict(recipe)
        source = folder / f"clip.{made.pop('suffix')}"
        try:
            make_clip(source, **made)  # type: ignore[arg-type]
        except av.FFmpegError:
            reject()  # there are clips that FFmpeg itself can't make
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
    """Bits flipped, a piece zeroed, cut off, or a header scrambled."""
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


def outcome(path: Path, folder: Path) -> Iterator[str]:
    try:
        found = split(path)
        if not any(found.segments):
            yield "refused: nothing is left"
            return
        output = stitch(found, path, folder)
    except Refused as refusal:
        yield f"refused: {refusal}"
        return
    frames = len(facts(output.path).times)
    assert frames == sum(map(len, found.segments))
    promised = found.job.items
    assert frames == promised or output.notes, f"{promised - frames} frames went in silence"
    yield f"finished: {frames} frames; {output.notes}"


def on() -> None:
    """Go on waiting."""


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_spoiled_files_end_well(suffix: str, tmp_path: Path) -> None:
    good = make_clip(tmp_path / f"good.{suffix}", seconds=1.5, size="160x90")
    cage = Cage(memory_mib=4096, stall_seconds=60)
    chance = random.Random(11)
    for number in range(12):
        path = tmp_path / f"{number}.{suffix}"
        path.write_bytes(spoil(good.read_bytes(), chance))
        folder = tmp_path / f"out-{number}"
        folder.mkdir()
        with cage.run(on, outcome, path, folder) as results:
            [said] = results
        assert said.startswith(("finished: ", "refused: "))
    cage.close()
