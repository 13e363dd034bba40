"""The soak's checks: each must fail when something is wrong."""

import os
from pathlib import Path

import pyarrow as pa

from benchmarks.soak.bad_messages import BadMessage, a_message
from benchmarks.soak.fingerprints import Fingerprint, fingerprint_of
from benchmarks.soak.load import Dropped, VideoKind
from benchmarks.soak.memory import Memory, Peaks
from benchmarks.soak.rounds import difference
from benchmarks.soak.verdict import Evidence, failed_checks
from shared.control.poison import Entry
from shared.messages import BlobCreated, decode, encode
from tests.support.media import make_clip

KIND, BAD = VideoKind(Path("clip.mp4"), "original"), VideoKind(Path("bad.mp4"), "original", "empty")
VIDEO, WHY = Fingerprint("pictures", "sound", "file"), "refused: the file is empty"
GOOD = Dropped(KIND, "original/1.mp4", "1-a")
EMPTY = Dropped(BAD, "original/2.mp4", "2-b")
RUBBISH = BadMessage("chunks", "%", 5.0, "the body isn't base64")
ENTRY = Entry(id="m", queue="chunks", reason="the body isn't base64: it is %", body="%")
FINE = Evidence(
    faults={f"kind {n}": 25 for n in range(8)},
    undisturbed={KIND: VIDEO, BAD: WHY},
    final_states={GOOD: VIDEO, EMPTY: WHY},
    lost_uploads=0,
    rounds={"readings-1": None},
    outputs=["original/1.mp4"],
    poison=[ENTRY],
    bad_messages=[RUBBISH],
    refused={},
    azurite_ended_at=None,
    left={"shards": []},
    crashes=[],
    memory={"splitter": Peaks(100, 110)},
)


def wrong(**changes: object) -> str:
    [only] = failed_checks(FINE._replace(**changes))  # type: ignore[arg-type]
    return only


def test_no_check_fails_if_all_is_well() -> None:
    assert failed_checks(FINE) == []
    same = VIDEO._replace(file="other bytes")
    assert failed_checks(FINE._replace(final_states=FINE.final_states | {GOOD: same})) == []  # type: ignore[operator]


def test_too_few_faults() -> None:
    assert wrong(faults={"500": 199}) == "199 faults of 1 kinds are too few"


def test_a_missing_or_different_output_fails_a_check() -> None:
    mute = wrong(final_states={GOOD: VIDEO._replace(sound="none"), EMPTY: WHY})
    assert mute.endswith("differs from the undisturbed output")
    lost = wrong(final_states={GOOD: None, EMPTY: WHY}, outputs=[])
    assert lost.endswith("nothing; undisturbed: a video")
    other = wrong(final_states={GOOD: VIDEO, EMPTY: "failed: killed"})
    assert other.endswith(f"failed: killed; undisturbed: {WHY}")
    assert wrong(outputs=["original/1.mp4", "x.mp4"]) == "2 outputs of 1 finished videos"


def test_a_round_that_is_missing_or_differs_fails_a_check() -> None:
    assert wrong(rounds={}) == "no round of readings was scored under faults"
    assert wrong(rounds={"readings-1": "no outcome"}) == "readings-1: no outcome"
    rows = pa.table({"device": ["a", "b"], "score": [1.0, 2.0]})
    assert difference(rows, rows) is None
    assert difference(rows, rows.slice(1)) == "1 rows, undisturbed 2"
    other = pa.table({"device": ["a", "b"], "score": [1.0, 2.5]})
    assert str(difference(rows, other)).startswith("row 1 is {'device': 'b', 'score': 2.5}")
    assert difference(rows, "its predictions are gone") == "its predictions are gone"


def test_poison_must_contain_exactly_the_invalid_messages() -> None:
    assert wrong(poison=[]) == "not in poison: % of chunks"
    assert failed_checks(FINE._replace(poison=[], azurite_ended_at=6.0)) == []
    other = ENTRY.model_copy(update={"reason": "failed 5 times", "body": "b25l", "job": "1-a"})
    assert wrong(poison=[ENTRY, other]).startswith("poison: nobody put it into chunks: failed 5")
    puzzled = ENTRY.model_copy(update={"reason": "no idea"})
    assert wrong(poison=[puzzled]) == "poison: no idea, and not the body isn't base64"
    taken = ENTRY.model_copy(update={"reason": "tried 5 times and never finished: it may kill"})
    assert failed_checks(FINE._replace(poison=[taken])) == []
    refused = BadMessage("arrivals", "x", 5.0, None, "nobody-1")
    assert wrong(bad_messages=[RUBBISH, refused]) == "not refused: nobody-1 of arrivals"


def test_what_arrives_is_found_in_the_poison_of_its_lane_unchanged() -> None:
    planted = a_message("arrivals", "invalid-1")
    assert isinstance(planted, BlobCreated)
    assert encode(decode(encode(planted), BlobCreated)) == encode(planted)


def test_leftovers_crashes_and_growing_memory_fail_a_check() -> None:
    assert wrong(left={"shards": ["1-a/00000/0000.tar"]}).startswith("left in shards: 1: 1-a/")
    assert wrong(crashes=["splitter (7) ended by itself"]) == "splitter (7) ended by itself"
    assert wrong(memory={"splitter": Peaks(100, 200)}) == "splitter grew from 100 to 200 MiB"


def test_memory_is_measured_of_real_processes() -> None:
    memory = Memory()
    memory.sample(memory.undisturbed, {"here": os.getpid(), "azurite": 1}, [os.getpid()])
    memory.sample(memory.under_faults, {"here": os.getpid()}, [])
    [(name, peaks)] = memory.peaks().items()
    assert name == "here"
    assert peaks.flat
    assert peaks.undisturbed > 10


def test_fingerprints_differ_for_other_pictures_or_sound(tmp_path: Path) -> None:
    one = fingerprint_of(make_clip(tmp_path / "one.mp4", seconds=0.4, size="256x144"))
    silent = fingerprint_of(make_clip(tmp_path / "two.mp4", seconds=0.4, size="256x144", tracks=()))
    other = fingerprint_of(
        make_clip(tmp_path / "three.mp4", seconds=0.4, size="256x144", picture="testsrc=")
    )
    assert (silent.pictures, other.sound) == (one.pictures, one.sound)
    assert not silent.shows_the_same(one)
    assert not other.shows_the_same(one)
