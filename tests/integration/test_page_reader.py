"""The web service reads the jobs of all pages with few requests, and misses no change of them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.web.jobs_reader import ALL_SECONDS, MOST_APART, JobsReader
from shared import names
from shared.jobs import Jobs
from shared.records import Job, Result, Segment, Source, Span
from shared.storage import Storage
from shared.telemetry.storage_calls import requests_sent


def add(storage: Storage, job: str, ended: bool) -> None:
    jobs, now = Jobs(storage), datetime.now(UTC)
    facts = {"container": "input", "blob": f"original/{job}.mp4"}
    storage.container("jobs").write_once(names.newest_record(job, now), b"", facts)
    jobs.begin(
        Job(
            job=job,
            trace="t",
            source=Source(container="input", blob=f"original/{job}.mp4", etag="0x1", size=1),
            model="original",
            created=now,
            segments=[Span(start=0, stop=1, items=10)],
        )
    )
    if ended:
        result = Result(job=job, source="s", output="o", items=10, created=now, finished=now)
        jobs.finish(result)


def requests() -> int:
    return sum(requests_sent.values())


@pytest.fixture
def reader(storage: Storage) -> JobsReader:
    for number in range(20):
        add(storage, f"ended-{number:02}", ended=True)
    add(storage, "goes-on", ended=False)
    reader = JobsReader(storage, 1000)
    assert len(reader.read(0.0)) == 21
    return reader


def test_only_what_goes_on_is_listed_again(reader: JobsReader, storage: Storage) -> None:
    before = requests()
    seen = reader.read(1.0)
    assert requests() - before == 2
    assert [each.status.state for each in seen.values()].count("finished") == 20
    Jobs(storage).add_segment(Segment(job="goes-on", segment=0, items=10, shards=1))
    add(storage, "is-new", ended=False)
    seen = reader.read(2.0)
    assert seen["goes-on"].status.split == 10
    assert next(iter(seen)) == "is-new"
    Jobs(storage).fail("goes-on", None, "failed", "why")
    assert reader.read(3.0)["goes-on"].status.reason == "why"


def test_a_job_that_had_ended_is_seen_to_go_on(reader: JobsReader, storage: Storage) -> None:
    """At once if the page did it, and within a minute if somebody else did."""
    jobs = Jobs(storage)
    for job in ("ended-03", "ended-04"):
        storage.container("jobs").delete(names.outcome_record(job))
    assert reader.read(1.0)["ended-03"].status.state == "finished"
    assert reader.read(ALL_SECONDS + 1)["ended-03"].status.state == "running"
    assert reader.read(ALL_SECONDS + 2)["ended-03"].status.state == "running"
    jobs.fail("ended-04", None, "failed", "why")
    reader.look_at_all()
    assert reader.read(ALL_SECONDS + 3)["ended-04"].status.state == "failed"


def test_a_deleted_job_is_gone(reader: JobsReader, storage: Storage) -> None:
    Jobs(storage).forget("ended-07")
    assert "ended-07" not in reader.read(1.0)


def test_many_jobs_that_go_on_cost_one_listing(storage: Storage) -> None:
    for number in range(MOST_APART + 1):
        add(storage, f"goes-on-{number}", ended=False)
    reader = JobsReader(storage, 1000)
    reader.read(0.0)
    before = requests()
    assert len(reader.read(1.0)) == MOST_APART + 1
    assert requests() - before == 2


def test_the_rate_is_that_of_the_last_minute(storage: Storage) -> None:
    add(storage, "goes-on", ended=False)
    jobs, reader = Jobs(storage), JobsReader(storage, 1000)
    assert reader.read(0.0)["goes-on"].rate is None
    for number, at in ((0, 10.0), (1, 20.0)):
        jobs.add_segment(Segment(job="goes-on", segment=number, items=5, shards=1))
        name = names.chunk_record("goes-on", number, 0)
        storage.container("jobs").write_once(name, b"{}", {"items": "5"})
        seen = reader.read(at)["goes-on"]
    assert seen.rate == pytest.approx(0.5)
    assert seen.seconds_left == 0
    assert seen.changed - seen.arrived < timedelta(minutes=1)
