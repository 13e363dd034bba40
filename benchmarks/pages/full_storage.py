"""Fills storage with the records of many jobs and with poison, and lets one job go on."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from shared import names
from shared.jobs import Jobs
from shared.messages import Poisoned, SegmentPlanned, encode
from shared.records import ChunkReport, Job, Result, Segment, Source, Span, Times
from shared.storage import Storage

JOBS, RUNNING, POISON = 1000, 40, 10_000
SEGMENTS, ITEMS = 6, 250
AT_A_TIME = 8
STYLES = ("great-wave", "auvers", "starry-night", "spring")


def job_at(number: int) -> str:
    return f"film-{number:05}"


def fill(storage: Storage) -> None:
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda number: add_job(storage, number), range(JOBS)))
        list(pool.map(lambda number: add_poison(storage, number), range(POISON)))


def add_job(storage: Storage, number: int) -> None:
    jobs, job = Jobs(storage), job_at(number)
    model, now = STYLES[number % len(STYLES)], datetime.now(UTC)
    blob = f"{model}/film {number}.mp4"
    source = Source(container="input", blob=blob, etag="0x1", size=1)
    records = storage.container("jobs")
    facts = {"container": "input", "blob": blob.replace(" ", "%20")}
    records.write_once(names.newest_record(job, now - timedelta(minutes=number)), b"", facts)
    spans = [Span(start=n, stop=n + 1, items=ITEMS) for n in range(SEGMENTS)]
    jobs.begin(Job(job=job, trace="t", source=source, model=model, created=now, segments=spans))
    for segment in range(SEGMENTS):
        jobs.add_segment(Segment(job=job, segment=segment, items=ITEMS, shards=10))
    if number >= RUNNING:
        jobs.finish(
            Result(
                job=job, source=blob, output=blob, items=SEGMENTS * ITEMS,
                created=now - timedelta(minutes=9), finished=now,
            )
        )  # fmt: skip


def add_poison(storage: Storage, number: int) -> None:
    job = job_at(number % JOBS)
    poisoned = Poisoned(
        queue="segments",
        message_id=f"message-{number}",
        reason="the segment can't be decoded",
        error="Traceback (most recent call last): …",
        attempts=5,
        worker="splitter-vm-1",
        at=datetime.now(UTC),
        job=job,
        body=encode(SegmentPlanned(trace="t", job=job, segment=number % SEGMENTS)),
    )
    storage.poison("segments").send(poisoned)


@contextmanager
def go_on(storage: Storage) -> Iterator[None]:
    """Record a chunk of a job every second."""
    stop, jobs = threading.Event(), Jobs(storage)
    times = Times(seconds=1, seconds_per_item=1, seconds_by_stage={}, seconds_beside={})

    def record() -> None:
        for number in range(SEGMENTS * RUNNING * 10):
            if stop.wait(1):
                return
            jobs.add_chunk(
                ChunkReport(
                    job=job_at(number % RUNNING), segment=number % SEGMENTS, chunk=number % 1000,
                    items=5, skipped_shards=0, worker="w", device="cpu", times=times,
                )
            )  # fmt: skip

    thread = threading.Thread(target=record, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
