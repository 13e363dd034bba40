"""`impasto jobs`: newest first, in pages, with two storage calls for each job shown."""

from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.storage.blob import BlobServiceClient

from shared import arrivals
from shared.control.job_control import JobControl
from shared.control.listing import Listing
from shared.jobs import Jobs
from shared.records import ChunkReport, Job, Result, Segment, Source, Span, Times
from shared.settings import Settings
from shared.storage import Storage
from tests.support.announced import announced_videos
from workloads.video import VIDEO

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = "great-wave:0.7+auvers:0.3"


class Clock(datetime):
    """A clock that is a minute later each time it is read."""

    seconds = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        cls.seconds += 1
        return cls(2026, 1, 2, minute=cls.seconds, tzinfo=tz)


@pytest.fixture
def jobs(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A waiting, a running, a finished and a failed job, and a lesson; oldest first."""
    monkeypatch.setattr(arrivals, "datetime", Clock)
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a video")
    control, own = JobControl(storage), Jobs(storage)
    names = ("waiting", "running", "finished", "failed")
    made = [control.submit(VIDEO, path, f"great-wave/ü {name}.mp4") for name in names]
    for job in made[1:]:
        begin(own, job)
    running, finished, failed = made[1:]
    own.add_segment(Segment(job=running, segment=0, items=10, shards=1))
    times = Times(seconds=1, seconds_per_item=1, seconds_by_stage={}, seconds_beside={})
    report = {"items": 7, "skipped_shards": 0, "worker": "w", "device": "cpu", "times": times}
    own.add_chunk(ChunkReport(job=running, segment=0, chunk=0, **report))
    own.finish(
        Result(job=finished, source="s", output="o.mp4", items=20, created=NOW, finished=NOW)
    )
    own.fail(failed, "great-wave/ü failed.mp4", "failed", "it was no good")
    return [*made, control.teach(VIDEO, path, "wave")]


def begin(own: Jobs, job: str) -> None:
    source = Source(container="input", blob=f"of {job}", etag="0x1", size=7)
    spans = [Span(start=0, stop=10, items=10), Span(start=10, stop=20, items=10)]
    own.begin(Job(job=job, trace="t", source=source, model=MODEL, created=NOW, segments=spans))


def test_the_newest_jobs_come_first_with_their_progress(storage: Storage, jobs: list[str]) -> None:
    page = Listing(storage).page(1, 50)
    assert [status.job for status in page] == jobs[::-1]
    lesson, failed, finished, running, waiting = page
    assert (waiting.state, waiting.source) == ("waiting", "great-wave/ü waiting.mp4")
    assert (lesson.state, lesson.source) == ("waiting", "wave.mp4")
    assert (failed.state, failed.reason, failed.model) == ("failed", "it was no good", MODEL)
    assert (finished.state, finished.output, finished.scored) == ("finished", "o.mp4", 20)
    shown = (running.state, running.model, running.items, running.split, running.scored)
    assert shown == ("running", MODEL, 20, 10, 7)


def test_pages_continue_each_other(storage: Storage, jobs: list[str]) -> None:
    listing = Listing(storage)
    pages = [[status.job for status in listing.page(number, 2)] for number in (1, 2, 3, 4)]
    assert pages == [[jobs[4], jobs[3]], [jobs[2], jobs[1]], [jobs[0]], []]


def test_jobs_without_a_recorded_time_come_last(storage: Storage, jobs: list[str]) -> None:
    older = ["older-0123456789ab", "older-0123456789ac"]
    for job in older:
        begin(Jobs(storage), job)
    listing = Listing(storage)
    pages = [[status.job for status in listing.page(number, 3)] for number in (1, 2, 3)]
    assert pages == [jobs[:1:-1], [jobs[1], jobs[0], older[0]], [older[1]]]


class Counted(HTTPPolicy[Any, Any]):
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        self.calls[request.http_request.method] += 1
        return self.next.send(request)


def test_at_most_two_storage_calls_for_each_job_shown(
    settings: Settings, jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted()
    made = BlobServiceClient.from_connection_string

    def with_policy(*arguments: Any, **options: Any) -> BlobServiceClient:
        return made(*arguments, **options, per_call_policies=[counted])

    monkeypatch.setattr(BlobServiceClient, "from_connection_string", with_policy)
    page = Listing(Storage(settings)).page(1, len(jobs))
    assert len(page) == len(jobs)
    assert counted.calls.total() <= 1 + 2 * len(jobs)
    assert set(counted.calls) <= {"GET", "HEAD"}


def test_a_job_that_is_announced_again_is_listed_once(storage: Storage, jobs: list[str]) -> None:
    for event in announced_videos(storage):
        arrivals.Arrivals(storage).announce(event)
        arrivals.Arrivals(storage).record(event)
    assert [status.job for status in Listing(storage).page(1, 50)] == jobs[::-1]


def test_a_plan_need_not_know_how_many_items_there_are(storage: Storage) -> None:
    own = Jobs(storage)
    source = Source(container="readings", blob="2026-01-02T03", etag="", size=9)
    own.begin(
        Job(
            job="readings-2026-01-02t03",
            trace="t",
            workload="readings",
            source=source,
            model="devices",
            created=NOW,
            segments=[Span(start=0, stop=1, items=0)],
        )
    )
    [status] = Listing(storage).page(1, 10)
    assert (status.state, status.items) == ("running", 0)
    own.add_segment(Segment(job=status.job, segment=0, items=500, shards=2))
    [status] = Listing(storage).page(1, 10)
    assert (status.count(status.items), status.scored) == ("500 devices", 0)
