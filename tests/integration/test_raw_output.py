"""What a worker's process writes besides log lines is kept under its job, also when it dies."""

import json
import signal
from contextlib import suppress
from typing import Any

import psutil
import pytest

from services.console.commands.observe import show
from shared.control.job_lines import JobLines
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.job_log import JobLog
from shared.telemetry.raw_output import LONGEST_LINE, CurrentWork, RawOutput
from shared.telemetry.spans import Span
from tests.integration.conftest import JOB, PLANNED, Notes, Spawn
from tests.support.waiting import eventually


def kept(storage: Storage) -> list[dict[str, Any]]:
    return [line for line in JobLines(storage, JOB).log() if line.get("stream")]


def texts(storage: Storage) -> list[tuple[str, str]]:
    return [(line["stream"], line["event"]) for line in kept(storage)]


def test_what_it_writes_is_kept_while_it_works_and_no_secret_of_it(
    storage: Storage,
    spawn: Spawn,
    notes: Notes,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    storage.queue("segments").send(PLANNED)
    worker = spawn("write_raw")
    eventually(lambda: len(texts(storage)) == 2, "its lines")
    assert not worker.dead
    assert notes.count("ended") == 0
    assert sorted(texts(storage)) == [
        ("stderr", "a library says [secret]"),
        ("stdout", "half a line and its rest"),
    ]
    [line, _] = kept(storage)
    assert (line["job"], line["segment"], line["attempt"]) == (JOB, 7, 1)
    assert line["trace_id"]
    show(line, json=False)
    assert f"probe ({line['stream']}): {line['event']}" in capsys.readouterr().out
    notes.go()
    notes.wait_for("ended")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    everything = b"".join(
        storage.container("logs").read(blob.name)
        for blob in storage.container("logs").under(f"{JOB}/")
    )
    assert settings.work_connection
    for secret in (settings.work_connection.get_secret_value(), "AccountKey=", '"started"'):
        assert secret.encode() not in everything
    assert everything.count(b'"event": "done"') == 1, "our lines are there once"
    # What it wrote is also where it was before: on its own outputs.
    assert worker.logged("started")
    assert worker.logged("left")


def test_the_last_words_of_one_that_is_killed_are_kept_with_what_killed_it(
    storage: Storage, spawn: Spawn
) -> None:
    storage.queue("segments").send(PLANNED)
    worker = spawn("write_raw_and_die")
    assert worker.wait() == 128 + signal.SIGKILL
    assert texts(storage) == [("stderr", "last words, without an end")]
    lines = JobLines(storage, JOB).log()
    assert lines[-1]["event"] == "its process was killed by SIGKILL"
    assert (lines[-1]["level"], lines[-1]["attempt"]) == ("error", 1)


def test_a_crash_in_c_shows_where(storage: Storage, spawn: Spawn) -> None:
    storage.queue("segments").send(PLANNED)
    worker = spawn("crash_in_c")
    assert worker.wait() == 128 + signal.SIGSEGV
    said = [text for _, text in texts(storage)]
    assert "Fatal Python error: Segmentation fault" in said
    assert any("in crash_in_c" in text for text in said)


def test_nothing_of_it_is_left_when_it_is_killed_itself(
    storage: Storage, spawn: Spawn, notes: Notes
) -> None:
    storage.queue("segments").send(PLANNED)
    worker = spawn("write_raw")
    notes.wait_for("started")
    [child] = psutil.Process(worker._process.pid).children()
    worker.kill()

    def gone() -> bool:
        with suppress(psutil.NoSuchProcess):
            return child.status() == psutil.STATUS_ZOMBIE
        return True

    eventually(gone, "its worker to be gone")


class Kept(JobLog):
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def add(self, job: str, line: str) -> None:
        self.lines.append({**json.loads(line), "of": job})


def test_a_long_line_is_cut_before_a_word_and_lines_about_no_job_are_not_kept() -> None:
    work, log = CurrentWork(), Kept()
    output = RawOutput("probe", work, log)
    output.add("stdout", b"before any job\n")
    span = Span("process segments", "1" * 32, JOB, kind="consumer")
    work.began(span)
    long = b"word " * (LONGEST_LINE // 5) + b"AccountKey=" + b"x" * LONGEST_LINE
    for start in range(0, len(long), 1000):
        output.add("stdout", long[start : start + 1000])
    output.add("stdout", b"\r10 %\r\n\n20 %\r")
    output.add("stderr", b'{"timestamp": "2026", "event": "ours"}\n')
    work.ended(span)
    output.add("stdout", b"after it\n")
    output.close(None)
    assert [line["event"][-8:] for line in log.lines] == ["d word …", "10 %", "20 %"]
    assert all(line["of"] == line["job"] == JOB for line in log.lines)
    assert len(log.lines[0]["event"]) <= LONGEST_LINE + 2
