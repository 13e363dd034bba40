"""Fixtures of tests that run a probe service as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.messages import SegmentPlanned
from shared.prepare import prepare
from shared.settings import Settings
from shared.storage import Storage
from tests.support.azurite import Azurite
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
JOB = "probe-0123456789ab"
PLANNED = SegmentPlanned(trace="t-1", job=JOB, segment=7)


class Process:
    """A running probe and its log."""

    def __init__(self, behaviour: str, settings: Settings, log: Path) -> None:
        self._log = log
        assert settings.media_connection
        assert settings.work_connection
        environment = {
            f"IMPASTO_{name.upper()}": str(value)
            for name, value in settings.model_dump(exclude_none=True).items()
        } | {
            "IMPASTO_MEDIA_CONNECTION": settings.media_connection.get_secret_value(),
            "IMPASTO_WORK_CONNECTION": settings.work_connection.get_secret_value(),
        }
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.probe", behaviour],
                env=os.environ | environment,
                cwd=ROOT,
                stderr=out,
            )

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait(60)

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    def log(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == event]


Spawn = Callable[..., Process]


@pytest.fixture
def settings(azurite: Azurite) -> Settings:
    return azurite.settings()


@pytest.fixture
def storage(settings: Settings) -> Storage:
    storage = Storage(settings)
    prepare(storage)
    return storage


@pytest.fixture
def spawn(settings: Settings, tmp_path: Path) -> Iterator[Spawn]:
    started: list[Process] = []

    def spawn(behaviour: str, **changes: object) -> Process:
        own = settings.model_copy(update=changes)
        process = Process(behaviour, own, tmp_path / f"{len(started)}.log")
        started.append(process)
        return process

    yield spawn
    for process in started:
        process.signal(signal.SIGCONT)
        process.kill()


class Notes:
    """Counts what probes wrote about a job."""

    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")

    def count(self, what: str, job: str = JOB) -> int:
        return len(self._logs.under(f"{what}/{job}"))

    def wait_for(self, what: str, count: int = 1, job: str = JOB) -> None:
        eventually(lambda: self.count(what, job) >= count, f"{count} × {what}")

    def go(self) -> None:
        self._logs.write("go", b"")


@pytest.fixture
def notes(storage: Storage) -> Notes:
    return Notes(storage)
