"""A stitcher lists as little as possible, and several of them finish every job."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice, permutations
from pathlib import Path

import pytest

from services.stitcher import completeness
from services.stitcher.completeness import Completeness
from services.stitcher.service import Stitcher
from shared.jobs import Jobs
from shared.messages import ChunkScored
from shared.names import outcome_record, segment_blob, shard_blob
from shared.records import Result
from shared.runtime.work import Work
from shared.settings import Settings
from shared.storage import Storage
from tests.integration.test_stitching import split_job
from tests.support.leftovers import leftovers
from tests.support.media import make_clip
from tests.support.parts import video_stitcher
from tests.support.recorded_requests import requests_recorded

SEGMENTS, SHARDS = 2, 3


@pytest.fixture
def job(storage: Storage, settings: Settings, tmp_path: Path) -> str:
    """A job of two segments of three shards, of which none is scored yet."""
    job = split_job(storage, settings, make_clip(tmp_path / "clip.mp4", seconds=6, gop=75), 3)
    assert len(Jobs(storage).job(job).segments) == SEGMENTS
    assert len(Jobs(storage).shards.under()) == SEGMENTS * SHARDS
    return job


def stitcher_of(storage: Storage, settings: Settings) -> Stitcher:
    return video_stitcher(storage, settings)


def score(storage: Storage, job: str, segment: int, shard: int) -> ChunkScored:
    jobs, name = Jobs(storage), shard_blob(job, segment, shard)
    jobs.scored.write(name, jobs.shards.read(name))
    return ChunkScored(trace="t", job=job, segment=segment, chunk=shard)


def scored_in_turn(storage: Storage, job: str) -> Iterator[ChunkScored]:
    for segment in range(SEGMENTS):
        for shard in range(SHARDS):
            yield score(storage, job, segment, shard)


def test_a_chunk_that_completes_nothing_costs_two_requests(
    storage: Storage, settings: Settings, job: str
) -> None:
    stitcher = stitcher_of(storage, settings)
    asked: dict[tuple[int, int], list[str]] = {}
    for message in scored_in_turn(storage, job):
        with requests_recorded() as found:
            stitcher.stitch(message, Work(1))
        asked[message.segment, message.chunk] = found
    stitcher.close()
    for segment in range(SEGMENTS):
        last = shard_blob(job, segment, SHARDS - 1)
        assert asked[segment, 1] == [f"GET jobs/{outcome_record(job)}", f"HEAD scored/{last}"]
    every = Counter(request for found in asked.values() for request in found)
    assert every[f"LIST segments {job}/"] == 2 + 1  # once for each segment, once to sweep
    for segment in range(SEGMENTS):
        assert every[f"LIST scored {job}/{segment:05}/"] == 2  # at the first chunk, and the last
    assert isinstance(Jobs(storage).outcome(job), Result)
    assert leftovers(storage) == []


@pytest.mark.parametrize("order", list(permutations(range(3)))[1::2])
def test_stitchers_that_share_a_job_finish_it_in_any_order(
    storage: Storage, settings: Settings, job: str, order: tuple[int, ...]
) -> None:
    """Each sees some of the chunks, and one is delivered to both."""
    both = [stitcher_of(storage, settings) for _ in range(2)]
    for shard in order:
        for segment in range(SEGMENTS):
            message = score(storage, job, segment, shard)
            both[(segment + shard) % 2].stitch(message, Work(1))
            if shard == 1:
                both[(segment + shard + 1) % 2].stitch(message, Work(2))
    for stitcher in both:
        stitcher.close()
    assert isinstance(Jobs(storage).outcome(job), Result)
    assert leftovers(storage) == []


def test_another_stitcher_finishes_the_message_of_a_killed_one(
    storage: Storage, settings: Settings, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, other = (stitcher_of(storage, settings) for _ in range(2))
    in_turn = scored_in_turn(storage, job)
    for message in islice(in_turn, SEGMENTS * SHARDS - 1):
        other.stitch(message, Work(1))
        killed.stitch(message, Work(1))
    last = next(in_turn)
    with monkeypatch.context() as during, pytest.raises(SystemError):
        during.setattr(killed, "_finish", lambda *_: (_ for _ in ()).throw(SystemError("killed")))
        killed.stitch(last, Work(1))
    assert Jobs(storage).segments.find(segment_blob(job, last.segment))
    assert Jobs(storage).outcome(job) is None
    other.stitch(last, Work(2))
    other.close()
    assert isinstance(Jobs(storage).outcome(job), Result)
    assert leftovers(storage) == []


def test_the_memory_of_missing_blobs_is_bounded(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "REMEMBERED", 2)
    container = storage.container("scored")
    found = Completeness(container)
    for folder in ("a/", "b/", "c/"):
        assert found.find_all(folder, [f"{folder}0", f"{folder}1"]) is None
    assert not found.known_incomplete("a/")  # forgotten
    assert found.known_incomplete("c/")
    container.write("c/1", b"")
    assert not found.known_incomplete("c/")
    assert found.find_all("c/", ["c/0", "c/1"]) is None  # the other one is missing
    assert found.known_incomplete("c/")
    container.write("c/0", b"")
    complete = found.find_all("c/", ["c/0", "c/1"])
    assert [blob.name for blob in complete or []] == ["c/0", "c/1"]
    assert not found.known_incomplete("c/")
