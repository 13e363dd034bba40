"""How soon the stack restarts a service: at once if it had worked, else with growing delays."""

import os
import signal
from pathlib import Path

import pytest

from services.console.stack import Stack
from shared.runtime.heartbeat import has_worked
from tests.support.processes import processes_of
from tests.support.stacks import QUICK
from tests.support.waiting import eventually

#: After as many deaths without work in between, the delay would be the longest.
MANY = 10


def test_a_service_that_has_worked_is_restarted_at_once(stack: Stack) -> None:
    for _ in range(MANY):
        eventually(lambda: has_worked(stack.heartbeat_of("trigger")), "the trigger to work")
        before = stack.pids()["trigger"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: stack.pids()["trigger"] != before, "another trigger", within=20)  # noqa: B023


def test_a_service_that_is_killed_while_it_starts_is_restarted_at_once(stack: Stack) -> None:
    for _ in range(MANY):
        before = stack.pids()["splitter"]
        os.kill(before, signal.SIGKILL)
        eventually(lambda: stack.pids()["splitter"] != before, "another splitter", within=20)  # noqa: B023
        assert stack.restarts.delay("splitter") < 1


def test_a_service_that_never_worked_is_restarted_with_growing_delays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Stack, "services", ("nothing",))  # there is no such service
    log = tmp_path / "stack" / "logs" / "nothing.log"
    with Stack(tmp_path / "stack", nodes=1) as stack:
        eventually(lambda: log.read_text().count("No module named") >= 5, "it to die")
        assert stack.restarts.delay("nothing") > 1
    assert processes_of(tmp_path / "stack") == []
