"""One runtime on trial: a worker of it as a process of its own, and messages to be handled."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.own_storage import OwnStorage
from benchmarks.processes import tree_cpu
from benchmarks.queues.handler import NOTES, SECONDS, Notes
from tests.waiting import eventually

#: After the last note, nothing more is to come: the longest lease is 30 s.
QUIET_SECONDS = 40.0
#: After the last message was done, it may still be done again.
AGAIN_SECONDS = 8.0


class Runtime(NamedTuple):
    name: str
    module: str
    #: What starts its worker.
    command: Sequence[str]


class Speed(NamedTuple):
    """Of one message."""

    seconds: float
    cpu_seconds: float
    send_seconds: float
    send_cpu_seconds: float


class Fate(NamedTuple):
    """What became of messages."""

    sent: int
    kills: int
    lost: int
    #: Done to the end more than once.
    repeated: int
    #: How often the handler was begun for the one that it was begun for most.
    most_begun: int


class Trial:
    def __init__(self, runtime: Runtime, own: OwnStorage) -> None:
        self._runtime = runtime
        self._own = own
        self._count = 0
        self._notes = own.folder
        self._environment: dict[str, str] = {}

    def speed(self, messages: int) -> Speed:
        """Between the first message that is done and the last, so that no start counts."""
        self._prepare(seconds=0)
        send_seconds, send_cpu = self._send(messages)
        with self._worker() as worker:
            eventually(lambda: self._read().ended, "the first message", within=60)
            first, at, cpu = len(self._read().ended), time.perf_counter(), tree_cpu(worker.pid)
            eventually(lambda: len(self._read().ended) >= messages, "all messages", within=300)
            seconds, cpu = time.perf_counter() - at, tree_cpu(worker.pid) - cpu
        done = messages - first
        return Speed(seconds / done, cpu / done, send_seconds / messages, send_cpu / messages)

    def killed(self, messages: int, seconds: float, kills: int) -> Fate:
        """Killed with its whole process group, each time with a message in hand."""
        self._prepare(seconds)
        self._send(messages)
        for _ in range(kills):
            before = self._read()
            with self._worker():
                eventually(lambda b=before: self._several_more(b), "a message in hand", within=120)
        with self._worker():
            self._until_quiet(messages)
        return self._fate(messages, kills)

    def _prepare(self, seconds: float) -> None:
        """Notes of its own for each trial; a queue that was left empty by the one before."""
        self._count += 1
        self._notes = self._own.folder / f"{self._runtime.module}-{self._count}"
        self._notes.touch()
        self._environment = (
            os.environ
            | self._own.accounts.environment()
            | {NOTES: str(self._notes), SECONDS: str(seconds)}
        )

    def _send(self, messages: int) -> tuple[float, float]:
        command = [sys.executable, "-m", self._runtime.module, str(messages)]
        done = subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True
        )
        seconds, cpu = json.loads(done.stdout)
        return seconds, cpu

    @contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Until it is killed."""
        with (self._own.folder / f"{self._runtime.module}.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", *self._runtime.command],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield worker
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    def _several_more(self, before: Notes) -> bool:
        now = self._read()
        ended = len(now.ended) - len(before.ended)
        return ended >= 3 and len(now.began) - len(before.began) > ended

    def _until_quiet(self, messages: int) -> None:
        seen, since = self._read(), time.monotonic()
        while True:
            now = self._read()
            if now != seen:
                seen, since = now, time.monotonic()
            quiet = AGAIN_SECONDS if len(set(now.ended)) == messages else QUIET_SECONDS
            if time.monotonic() - since > quiet:
                return
            time.sleep(0.1)

    def _fate(self, messages: int, kills: int) -> Fate:
        notes = self._read()
        ended, began = Counter(notes.ended), Counter(notes.began)
        return Fate(
            messages,
            kills,
            lost=messages - len(ended),
            repeated=sum(count > 1 for count in ended.values()),
            most_begun=max(began.values()),
        )

    def _read(self) -> Notes:
        return Notes.read(self._notes)
