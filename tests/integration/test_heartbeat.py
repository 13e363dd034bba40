"""The sign of life that a service gives: there while its loop turns, whatever its handler does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime.heartbeat import beat, say_ready, say_worked
from shared.storage import Storage
from tests.integration.conftest import PLANNED, Notes, Spawn
from tests.support.waiting import eventually


@pytest.fixture
def heartbeat(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


def trouble(heartbeat: Path) -> str:
    """What is said of it, as a container would be told; nothing if all is well."""
    asked = subprocess.run(
        [sys.executable, "-m", "shared.runtime.heartbeat"],
        env=os.environ | {"IMPASTO_HEARTBEAT": str(heartbeat)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(asked.returncode) == bool(asked.stderr)
    return asked.stderr


def grow_old(heartbeat: Path) -> None:
    os.utime(heartbeat, (0, 0))


def test_it_beats_while_idle_and_while_a_handler_works(
    storage: Storage, spawn: Spawn, notes: Notes, heartbeat: Path
) -> None:
    assert "hasn't begun" in trouble(heartbeat)
    spawn("until_told", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    grow_old(heartbeat)
    eventually(lambda: not trouble(heartbeat), "a beat while idle")
    storage.queue("segments").send(PLANNED)
    notes.wait_for("started")
    grow_old(heartbeat)
    eventually(lambda: not trouble(heartbeat), "a beat beside the handler")
    notes.go()
    notes.wait_for("ended")


def test_a_loop_that_stands_still_is_noticed(spawn: Spawn, heartbeat: Path) -> None:
    probe = spawn("quick", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    probe.signal(signal.SIGSTOP)
    grow_old(heartbeat)
    assert "stood still" in trouble(heartbeat)
    probe.signal(signal.SIGCONT)
    eventually(lambda: not trouble(heartbeat), "a beat")


def test_a_loop_that_goes_on_standing_still_is_ended(spawn: Spawn, heartbeat: Path) -> None:
    """So that a container of it is started again: its engine only notes that it is unhealthy."""
    probe = spawn("quick", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    probe.signal(signal.SIGSTOP)
    grow_old(heartbeat)
    for _ in range(3):  # however often it is asked at once
        assert "stood still" in trouble(heartbeat)
        assert not probe.dead
    grow_old(heartbeat.with_suffix(".still"))
    assert "stood still" in trouble(heartbeat)
    assert probe.wait() == -signal.SIGKILL
    assert "stood still" in trouble(heartbeat)  # of a process that is gone


def test_a_loop_that_stood_still_and_goes_on_is_let_be(spawn: Spawn, heartbeat: Path) -> None:
    probe = spawn("quick", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    probe.signal(signal.SIGSTOP)
    grow_old(heartbeat)
    assert "stood still" in trouble(heartbeat)
    grow_old(heartbeat.with_suffix(".still"))
    probe.signal(signal.SIGCONT)
    eventually(lambda: heartbeat.stat().st_mtime > 1, "a beat")
    assert not trouble(heartbeat)
    probe.signal(signal.SIGSTOP)
    os.utime(heartbeat, (1, 1))
    assert "stood still" in trouble(heartbeat)
    assert not probe.dead


def test_a_heartbeat_that_cant_be_written_ends_nothing(tmp_path: Path) -> None:
    """As on a full disk: who asks is told that the loop hasn't begun."""
    heartbeat = tmp_path / "missing" / "heartbeat"
    turn = beat(heartbeat)
    turn()
    say_ready(heartbeat, [])
    say_worked(heartbeat)
    assert trouble(heartbeat).strip() == "its loop hasn't begun"
    assert list(tmp_path.iterdir()) == []
