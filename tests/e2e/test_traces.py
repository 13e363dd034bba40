"""A finished job has a whole trace, a summary in its record, and the log of all its services."""

import json
from pathlib import Path

import pytest

from shared.control.job_control import JobControl
from shared.control.job_lines import JobLines
from shared.control.time_spent import time_spent
from shared.control.traces import Trace, trace_from
from shared.jobs import Jobs
from shared.records import Result
from shared.storage import Storage
from shared.telemetry.ids import root_span_of, trace_of
from shared.workloads import workload_called
from tests.support.stacks import QUICK, impasto, stack_in
from tests.support.waiting import eventually

SERVICES = {"splitter", "dispatcher", "scorer", "stitcher"}
PARTS = {"plan", "split", "score", "upload", "join", "finish"}


def trace_of_job(storage: Storage, job: str) -> Trace:
    return trace_from(job, JobLines(storage, job).new())


def test_a_job_is_one_trace_and_its_record_says_where_its_time_went(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack") as stack:
        control = JobControl(stack.storage)
        job = control.submit(workload_called("video"), clip, "pencil/clip.mp4")
        eventually(lambda: control.status(job).ended, "the end", within=240)
        eventually(
            lambda: (
                any(span.id == root_span_of(job) for span in trace_of_job(stack.storage, job).spans)
                and all(span.end for span in trace_of_job(stack.storage, job).spans)
            ),
            "the whole trace",
        )
        trace = trace_of_job(stack.storage, job)
        outcome = Jobs(stack.storage).outcome(job)
        told = impasto("trace", job, "--json", "--data", stack.data)
        log = impasto("logs", job, "--json", "--data", stack.data)
        followed = impasto("logs", job, "--follow", "--data", stack.data)
    assert {span.trace for span in trace.spans} == {trace_of(job)}
    assert {span.service for span in trace.handlings} == SERVICES
    assert {span.name for span in trace.spans} >= PARTS
    ids = {span.id for span in trace.spans}
    assert {span.parent for span in trace.spans} - ids == {None}, "each has its parent"
    assert not [span for span in trace.spans if span.error]
    spent = time_spent(trace, 1)
    assert abs(sum(spent.elapsed.values()) - spent.seconds) < 0.1
    assert isinstance(outcome, Result)
    assert outcome.summary
    assert outcome.summary.by_stage.keys() == {"split", "score", "join", "finish"}
    assert all(stage.seconds > 0 for stage in outcome.summary.by_stage.values())
    assert 0 < outcome.summary.seconds <= spent.seconds + 1
    assert json.loads(told.stdout)["summary"]["elapsed"] == spent.elapsed
    lines = [json.loads(line) for line in log.stdout.splitlines()]
    assert {line["service"] for line in lines} == SERVICES
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    assert {line["job"] for line in lines} == {job}
    assert len(followed.stdout.splitlines()) == len(lines)
