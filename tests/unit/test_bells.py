"""Who sends a message wakes the processes that wait for it, and fails for none of them."""

import os
import threading
import time
from pathlib import Path

import pytest

from shared.bells import Bell, Ring, ring
from shared.runtime.stop import Stop
from shared.runtime.waiting import Waiting
from shared.settings import Settings

IDLE_SECONDS = 1000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bells"


def settings(folder: Path | None) -> Settings:
    return Settings(bells=folder, idle_seconds=IDLE_SECONDS)


def test_everybody_hears_a_ring_once(folder: Path) -> None:
    bells = [Bell(folder), Bell(folder)]
    ring(folder, "segments")
    ring(folder, "waiting-3", after=7)
    for bell in bells:
        assert bell.heard() == [Ring("segments", 0), Ring("waiting-3", 7)]
        assert bell.heard() == []
        bell.close()
    assert list(folder.iterdir()) == []


def test_a_ring_without_a_folder_or_without_listeners_does_nothing(folder: Path) -> None:
    ring(None, "segments")
    ring(folder, "segments")
    assert not folder.exists()


def test_the_pipe_of_a_killed_process_is_deleted(folder: Path) -> None:
    bell = Bell(folder)
    os.close(bell.descriptor)
    ring(folder, "segments")
    assert list(folder.iterdir()) == []


def test_nonsense_in_a_pipe_is_left_out(folder: Path) -> None:
    bell = Bell(folder)
    for text in (b"\xff\n", b"segments\n", b"segments x\n", b"segments 1 2\n", b"scored 1\n"):
        os.write(bell.descriptor, text)
    assert bell.heard() == [Ring("scored", 1)]
    bell.close()


def test_a_full_pipe_holds_up_nobody(folder: Path) -> None:
    bell = Bell(folder)
    for _ in range(10_000):
        ring(folder, "segments")
    assert bell.heard()
    bell.close()


def ready_to_wait(folder: Path | None, stop: Stop) -> Waiting:
    """Whose next pause is longer than this test's time limit."""
    found = Waiting(stop, settings(folder), {"segments", "waiting-1"}, lambda: True)
    for _ in range(40):
        found._pause.next()
    return found


def test_a_ring_of_its_queue_ends_a_wait_and_names_the_queue(folder: Path) -> None:
    stop = Stop()
    wait = ready_to_wait(folder, stop)
    ring(folder, "scored")
    ring(folder, "waiting-1")
    assert wait.wait() == {"waiting-1"}
    wait.close()


def test_a_message_for_later_ends_a_wait_then(folder: Path) -> None:
    wait = ready_to_wait(folder, Stop())
    began = time.monotonic()
    ring(folder, "segments", after=0.5)
    assert wait.wait() == {"segments"}
    assert time.monotonic() - began >= 0.5
    wait.close()


def test_a_service_leaves_at_once_though_it_hears_bells(folder: Path) -> None:
    stop = Stop()
    wait = ready_to_wait(folder, stop)
    threading.Timer(0.1, stop.request).start()
    assert wait.wait() == set()
    assert stop.requested
    wait.close()


def seconds_after(
    calm: float, monkeypatch: pytest.MonkeyPatch, folder: Path | None, may_be_late: bool = True
) -> float:
    """The next pause when nothing has happened for so long."""
    now = time.monotonic()
    usual = Settings(bells=folder, idle_seconds=2, lease_seconds=30)
    wait = Waiting(Stop(), usual, {"segments"}, lambda: may_be_late)
    for _ in range(20):
        wait._pause.next()
    monkeypatch.setattr("shared.runtime.waiting.time.monotonic", lambda: now + calm)
    return wait._seconds()


@pytest.mark.parametrize(("calm", "pause"), [(0, 2), (59, 2), (100, 25), (200, 50), (9000, 60)])
def test_pauses_grow_when_all_is_calm(
    calm: float, pause: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_after(calm, monkeypatch, folder) == pytest.approx(pause, abs=0.2)


def test_without_bells_or_if_it_may_not_be_late_pauses_stay_short(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_after(9000, monkeypatch, None) == 2
    monkeypatch.undo()
    assert seconds_after(9000, monkeypatch, folder, may_be_late=False) == 2
