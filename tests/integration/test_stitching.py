"""Each segment is encoded once and each job has one output, with any number of stitchers."""

import signal
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from shared.blobs import Container
from shared.disk import disk_full_errno
from shared.errors import ChildDied, Missing, NotYet
from shared.jobs import Jobs
from shared.messages import BlobCreated, ChunkScored, SegmentPlanned
from shared.models import Model, Models
from shared.names import segment_record
from shared.records import Failure, Result
from shared.runtime.work import Work
from shared.settings import Settings
from shared.storage import Storage
from tests.support.leftovers import leftovers
from tests.support.media import make_clip
from tests.support.parts import video_splitter, video_stitcher
from tests.support.processes import signalling

RACERS = 6


def split_job(storage: Storage, settings: Settings, clip: Path, segment_seconds: int = 1) -> str:
    """A job of which all segments are split."""
    Models(storage).publish(Model("original", "original", b""))
    etag = storage.container("input").write("original/clip.mp4", clip.read_bytes())
    event = BlobCreated.of(
        event_id="e-1",
        url="",
        container="input",
        blob="original/clip.mp4",
        etag=etag,
        size=clip.stat().st_size,
        at=datetime.now(UTC),
    )
    splitter = video_splitter(storage, settings, segment_seconds=segment_seconds)
    splitter.open_job(event, Work(1))
    jobs = Jobs(storage)
    for n in range(len(jobs.job(event.job).segments)):
        splitter.split(SegmentPlanned(trace="t", job=event.job, segment=n), Work(1))
    splitter.close()
    return event.job


def scored_job(storage: Storage, settings: Settings, clip: Path) -> str:
    """A job that is split, and scored by doing nothing."""
    job = split_job(storage, settings, clip)
    jobs = Jobs(storage)
    for shard in jobs.shards.under():
        jobs.scored.write(shard.name, jobs.shards.read(shard.name))
    return job


def test_many_stitchers_make_one_output(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=3)
    job = scored_job(storage, settings, clip)
    segments = len(Jobs(storage).job(job).segments)
    messages = [
        ChunkScored(trace="t", job=job, segment=n, chunk=chunk)
        for chunk in range(3)
        for n in range(segments)
    ]

    def race(number: int) -> None:
        stitcher = video_stitcher(storage, settings)
        waiting = deque(messages[number:] + messages[:number])
        while waiting:
            try:
                stitcher.stitch(waiting[0], Work(1))
                waiting.popleft()
            except NotYet:
                waiting.rotate(-1)

    with capture_logs() as logs, ThreadPoolExecutor(RACERS) as racers:
        list(racers.map(race, range(RACERS)))
    events = Counter(line["event"] for line in logs)
    assert events == {"segment joined": segments, "finished": 1}
    assert [blob.name for blob in storage.container("output").under()] == ["original/clip.mp4"]
    assert leftovers(storage) == []


def test_a_message_is_postponed_while_another_stitcher_has_the_claim(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    """At any attempt: the other stitcher may be at work for hours, or dead."""
    job = scored_job(storage, settings, make_clip(tmp_path / "clip.mp4", seconds=1))
    stitcher = video_stitcher(storage, settings)
    message = ChunkScored(trace="t", job=job, segment=0, chunk=0)
    for attempt in (1, 2):
        with Jobs(storage).records.claim(segment_record(job, 0)), pytest.raises(NotYet):
            stitcher.stitch(message, Work(attempt))
    stitcher.stitch(message, Work(1))
    assert Jobs(storage).outcome(job)
    assert leftovers(storage) == []


def test_a_job_whose_source_was_replaced_is_refused(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1)
    job = scored_job(storage, settings, clip)
    storage.container("input").write("original/clip.mp4", b"something newer")
    stitcher = video_stitcher(storage, settings)
    for n in range(len(Jobs(storage).job(job).segments)):
        stitcher.stitch(ChunkScored(trace="t", job=job, segment=n, chunk=0), Work(1))
    outcome = Jobs(storage).outcome(job)
    assert isinstance(outcome, Failure)
    assert outcome.state == "refused"  # a retry would not help
    assert "replaced or removed" in outcome.reason
    assert storage.container("output").under() == []
    for name in ("shards", "scored", "segments"):
        assert storage.container(name).under() == []


def test_a_retry_after_a_failed_mux_uses_the_encoded_segments(
    storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scored_job(storage, settings, make_clip(tmp_path / "clip.mp4", seconds=1))
    jobs = Jobs(storage)
    stitcher = video_stitcher(storage, settings)
    message = ChunkScored(trace="t", job=job, segment=0, chunk=0)
    with monkeypatch.context() as during:
        during.setattr(Container, "open", signalling(signal.SIGSEGV))
        with pytest.raises(ChildDied):
            stitcher.stitch(message, Work(1))
        stitcher.stitch(message, Work(2))
    outcome = jobs.outcome(job)
    assert isinstance(outcome, Failure)
    assert outcome.state == "failed"
    assert [blob.name for blob in jobs.segments.under()] == [f"{job}/00000"]
    jobs.reopen(job)
    stitcher.stitch(message, Work(1))
    stitcher.close()
    assert isinstance(jobs.outcome(job), Result)
    for name in ("shards", "scored", "segments"):
        assert storage.container(name).under() == []


def test_a_missing_segment_record_is_not_taken_for_a_missing_source(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    """As if storage was killed and lost its latest writes."""
    job = scored_job(storage, settings, make_clip(tmp_path / "clip.mp4", seconds=2))
    jobs = Jobs(storage)
    stitcher = video_stitcher(storage, settings)
    *first, last = [
        ChunkScored(trace="t", job=job, segment=n, chunk=0)
        for n in range(len(jobs.job(job).segments))
    ]
    for message in first:
        stitcher.stitch(message, Work(1))
    forgotten = segment_record(job, 0)
    record = jobs.records.read(forgotten)
    jobs.records.delete(forgotten)
    with pytest.raises(Missing):
        stitcher.stitch(last, Work(1))
    assert jobs.outcome(job) is None
    jobs.records.write(forgotten, record)
    stitcher.stitch(last, Work(2))
    assert isinstance(jobs.outcome(job), Result)
    assert leftovers(storage) == []


def test_room_on_the_disk_is_checked_before_muxing(
    storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, tracks=("pcm_s16le",))
    job = scored_job(storage, settings, clip)
    stitcher = video_stitcher(storage, settings)
    jobs = Jobs(storage)
    sound = 2 * 48_000 * 4

    def disk(free: int) -> None:
        usage = SimpleNamespace(total=10**9, used=0, free=free)
        monkeypatch.setattr("shared.disk.shutil.disk_usage", lambda _: usage)

    def stitch() -> None:
        for n in range(len(jobs.job(job).segments)):
            stitcher.stitch(ChunkScored(trace="t", job=job, segment=n, chunk=0), Work(1))

    disk(sound)  # but no room for the picture
    with monkeypatch.context() as during, pytest.raises(OSError, match="MiB are needed") as full:
        during.setattr(
            stitcher._parts["video"], "_muxer", None
        )  # to begin would raise another error
        stitch()
    assert disk_full_errno(full.value)
    assert jobs.outcome(job) is None
    assert storage.container("output").under() == []
    pictures = [blob.size for blob in jobs.segments.under()]
    assert len(pictures) == len(jobs.job(job).segments)
    disk(sound + sum(pictures) + max(pictures) + 100_000)
    stitch()
    stitcher.close()
    assert isinstance(jobs.outcome(job), Result)
    [output] = storage.container("output").under()
    assert output.size < sound + sum(pictures) + 100_000
