"""What services say about a job is kept under it as it happens, also when they are killed."""

import base64
import json
import signal
from typing import Any

import pytest

from services.console.commands.observe import send
from services.scorer.killed_attempts import lost_cpu
from shared.control.job_lines import JobLines
from shared.control.time_spent import time_spent
from shared.control.traces import Trace, trace_from
from shared.errors import Unavailable
from shared.messages import ChunkPlanned, SegmentPlanned
from shared.prepare import prepare
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.ids import trace_of
from shared.telemetry.job_log import JobLog
from shared.telemetry.spans import Span, child_of, finish
from shared.telemetry.stages import Stage
from tests.integration.conftest import JOB, Notes, Spawn
from tests.support.otlp_receiver import receiving
from tests.support.waiting import eventually

PLANNED = SegmentPlanned(trace="t-1", job=JOB, segment=7)


def log_of(storage: Storage) -> list[dict[str, Any]]:
    return JobLines(storage, JOB).log()


def trace_in(storage: Storage) -> Trace:
    return trace_from(JOB, JobLines(storage, JOB).new())


def test_lines_of_all_replicas_are_in_order_and_each_is_there_once(
    storage: Storage, spawn: Spawn, notes: Notes
) -> None:
    storage.queue("segments").send(PLANNED)
    leaving = spawn("until_told", lease_seconds=3600)
    notes.wait_for("started")
    leaving.signal(signal.SIGTERM)
    assert leaving.wait() == 0
    spawn("until_told")
    notes.go()
    notes.wait_for("ended")
    eventually(lambda: [line for line in log_of(storage) if line["event"] == "done"], "the end")
    lines = log_of(storage)
    assert [line["event"] for line in lines] == ["handed back", "done"]
    assert len({line["replica"] for line in lines}) == 2
    assert {line["trace_id"] for line in lines} == {trace_of(JOB)}
    blobs = storage.container("logs").under(f"{JOB}/")
    assert len(blobs) == 2
    assert all(blob.name.startswith(f"{JOB}/probe-") for blob in blobs)


def test_a_killed_service_leaves_what_it_had_said_and_the_trace_goes_on(
    storage: Storage, spawn: Spawn, notes: Notes
) -> None:
    storage.queue("segments").send(PLANNED)
    for tried in (1, 2):
        process = spawn("until_told")
        notes.wait_for("started", tried)
        eventually(
            lambda tried=tried: len(trace_in(storage).handlings) == tried,  # type: ignore[misc]
            "its beginning",
        )
        process.kill()
    spawn("until_told")
    notes.go()
    notes.wait_for("ended")
    spans = eventually(
        lambda: [s for s in trace_in(storage).handlings if s.end], "the last handling"
    )
    trace = trace_in(storage)
    assert {span.trace for span in trace.spans} == {trace_of(JOB)}
    assert [span.attributes["impasto.attempt"] for span in trace.handlings] == [1, 2, 3]
    assert [span.end is None for span in trace.handlings] == [True, True, False]
    assert len(spans) == 1


def test_a_killed_attempt_counts_with_the_cpu_that_it_had_used(
    storage: Storage, spawn: Spawn, notes: Notes
) -> None:
    storage.queue("segments").send(PLANNED)
    for tried in (1, 2):
        process = spawn("burn")
        eventually(
            lambda tried=tried: [line["event"] for line in log_of(storage)] == ["burnt"] * tried,  # type: ignore[misc]
            "the CPU to be used",
        )
        process.kill()
        used = [span.attributes["impasto.cpu_seconds"] for span in trace_in(storage).handlings]
        assert len(used) == tried
        assert min(used) >= 0.33, used
    assert time_spent(trace_in(storage), 1).cpu == {"split": pytest.approx(sum(used), abs=0.002)}
    spawn("quick")
    notes.wait_for("ended")
    eventually(lambda: [s for s in trace_in(storage).handlings if s.end], "the last handling")
    trace = trace_in(storage)
    assert [span.end is None for span in trace.handlings] == [True, True, False]
    last = trace.handlings[-1].attributes["impasto.cpu_seconds"]
    assert last < 0.33, "the killed attempts are no part of it"
    assert time_spent(trace, 1).cpu["split"] == pytest.approx(sum(used) + last, abs=0.002)


def test_a_chunk_that_was_begun_again_counts_what_its_killed_attempts_used_but_once(
    storage: Storage,
) -> None:
    chunk = ChunkPlanned(trace="t", job=JOB, segment=7, chunk=1, model="m", first_shard=0, shards=2)
    assert lost_cpu(storage, chunk) == 0
    log = JobLog(storage.container("logs"), "scorer-1")
    for number, used in ((1, 5.0), (0, 100.0)):  # the second one is of another chunk
        span = Span("process chunks", trace_of(JOB), JOB, kind="consumer")
        span.attributes = {"impasto.segment": 7, "impasto.chunk": number}
        span.used = lambda used=used: {"impasto.cpu_seconds": used}  # type: ignore[misc]
        log.began(span)
        if number == 1:
            stored = child_of(span, "score", "internal", {"impasto.cpu_seconds": 2.0})
            stored.end = stored.start
            log.ended(stored)
    log.close()
    assert lost_cpu(storage, chunk) == 3.0
    scoring = Stage("score")
    scoring.lost_cpu = 3.0
    assert 3.0 <= scoring.done().cpu_seconds < 4.0


def test_no_key_is_in_what_is_kept(storage: Storage, spawn: Spawn, settings: Settings) -> None:
    storage.queue("segments").send(PLANNED)
    spawn("tell_a_secret", retry_seconds=0.01)
    eventually(lambda: storage.poison("segments").count(), "poison")
    eventually(lambda: [s for s in log_of(storage) if s["event"] == "poisoned"], "the last line")
    kept = b"".join(
        storage.container("logs").read(blob.name)
        for blob in storage.container("logs").under(f"{JOB}/")
    )
    [waiting] = storage.poison("segments").peek()
    outcome = storage.container("jobs").read(f"{JOB}/outcome.json")
    assert settings.work_connection
    key = settings.work_connection.get_secret_value().partition("AccountKey=")[2].partition(";")[0]
    for text in (kept, base64.b64decode(waiting.text), outcome):
        assert key.encode() not in text
        assert b"[secret]" in text


def test_an_append_that_is_repeated_is_shown_once(storage: Storage) -> None:
    line = json.dumps({"event": "done", "timestamp": "2026-01-01"}).encode() + b"\n"
    logs = storage.container("logs")
    for _ in range(2):
        assert logs.append(f"{JOB}/probe-a.jsonl", line, 1000)
    logs.append(f"{JOB}/probe-a.jsonl", b'{"event": "cut o', 1000)
    assert len(log_of(storage)) == 1
    assert not logs.append(f"{JOB}/probe-a.jsonl", line, 10)


def test_lines_wait_while_storage_has_no_container_and_are_kept_afterwards(
    settings: Settings,
) -> None:
    unprepared = Storage(settings)
    log = JobLog(unprepared.container("logs"), "probe-1")
    log.add(JOB, json.dumps({"event": "early", "timestamp": "1"}))
    prepare(unprepared)
    eventually(lambda: log_of(unprepared), "the line")
    log.close()
    assert [line["event"] for line in log_of(unprepared)] == ["early"]


def test_a_job_whose_log_cant_be_appended_to_holds_up_no_other(storage: Storage) -> None:
    storage.container("logs").write("other-0123456789ab/probe-1.jsonl", b"not an append blob")
    job_log = JobLog(storage.container("logs"), "probe-1")
    job_log.add("other-0123456789ab", "{}")
    job_log.add(JOB, json.dumps({"event": "later", "timestamp": "1"}))
    eventually(lambda: log_of(storage), "the other job's line")
    job_log.close()
    assert [line["event"] for line in log_of(storage)] == ["later"]


def test_a_kept_trace_is_sent_to_a_collector(storage: Storage) -> None:
    log = JobLog(storage.container("logs"), "probe-vm-1")
    span = Span("process segments", trace_of(JOB), JOB, kind="consumer")
    log.began(span)
    finish(span)
    log.ended(span)
    log.close()
    trace = trace_in(storage)
    with receiving() as receiver:
        assert send(trace, receiver.url) == 1
        [(service, sent)] = receiver.spans
    assert service == "impasto-probe"
    assert (sent.trace_id.hex(), sent.span_id.hex()) == (span.trace, span.id)
    with pytest.raises(Unavailable):
        send(trace, "http://127.0.0.1:9")
