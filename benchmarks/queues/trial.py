"""A trial of one runtime: sends messages, runs and kills a worker, and counts what was handled."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from benchmarks.queues.handler import NOTES, SECONDS, Notes
from benchmarks.service_usage import tree_cpu
from benchmarks.temporary_storage import TemporaryStorage, temporary_storage
from tests.support.waiting import eventually

#: A message that isn't received again in this time is lost: the longest lease is 30 s.
LOST_SECONDS = 36.0
#: How long to wait for a second handling when all messages have been handled.
AGAIN_SECONDS = 8.0


class Runtime(NamedTuple):
    name: str
    module: str
    #: Starts its worker.
    command: Sequence[str]
    environment: Mapping[str, str] = {}


class Speed(NamedTuple):
    """Seconds for one message."""

    seconds: float
    cpu_seconds: float
    send_seconds: float
    send_cpu_seconds: float


class Delivery(NamedTuple):
    """How messages that were sent once were handled."""

    lost: int
    #: How many were handled to the end more than once.
    repeated: int
    #: How often all together were handled.
    done: int


def speed(runtime: Runtime, messages: int, within: float) -> Speed:
    """Measured from the first handled message to the last, without the worker's start."""
    with trial(runtime, handler_seconds=0) as its:
        send_seconds, send_cpu = its.send(messages)
        with its.worker() as worker:
            eventually(lambda: its.notes().ended, "the first message", within=60)
            first, began, cpu = len(its.notes().ended), time.perf_counter(), tree_cpu(worker.pid)
            done = 0
            while done < messages - first and (time.perf_counter() - began < within or not done):
                time.sleep(0.01)
                done = len(its.notes().ended) - first
            seconds, cpu = time.perf_counter() - began, tree_cpu(worker.pid) - cpu
    return Speed(seconds / done, cpu / done, send_seconds / messages, send_cpu / messages)


def killed(runtime: Runtime, messages: int, handler_seconds: float, kills: int) -> Delivery:
    """Kill the worker's process group several times while it handles a message."""
    with trial(runtime, handler_seconds) as its:
        its.send(messages)
        for _ in range(kills):
            before = its.notes()
            with its.worker():
                eventually(partial(its.handling, before), "a message in flight", within=120)
        with its.worker():
            its.until_quiet(messages)
        return delivery_of(its.notes(), messages)


def slow(runtime: Runtime, messages: int, handler_seconds: float, within: float) -> Delivery:
    """Without a kill: whether messages that take long are handled once."""
    with trial(runtime, handler_seconds) as its:
        its.send(messages)
        with its.worker():
            its.until_quiet(messages, within)
        return delivery_of(its.notes(), messages)


def delivery_of(notes: Notes, messages: int) -> Delivery:
    ended = Counter(notes.ended)
    repeated = sum(count > 1 for count in ended.values())
    return Delivery(messages - len(ended), repeated, ended.total())


@contextmanager
def trial(runtime: Runtime, handler_seconds: float) -> "Iterator[Trial]":
    with temporary_storage() as own:
        yield Trial(runtime, own, handler_seconds)


class Trial:
    """A runtime with storage and notes of its own."""

    def __init__(self, runtime: Runtime, own: TemporaryStorage, handler_seconds: float) -> None:
        self._runtime = runtime
        self._notes = own.folder / "notes"
        self._notes.touch()
        self._log = own.folder / "worker.log"
        self._environment = (
            os.environ
            | own.accounts.environment()
            | dict(runtime.environment)
            | {NOTES: str(self._notes), SECONDS: str(handler_seconds)}
        )

    def notes(self) -> Notes:
        return Notes.read(self._notes)

    def send(self, messages: int) -> tuple[float, float]:
        command = [sys.executable, "-m", self._runtime.module, str(messages)]
        done = subprocess.run(
            command, env=self._environment, check=True, capture_output=True, text=True
        )
        seconds, cpu = json.loads(done.stdout)
        return seconds, cpu

    @contextmanager
    def worker(self) -> "Iterator[subprocess.Popen[bytes]]":
        """A worker, which is killed at the end."""
        with self._log.open("ab") as log:
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

    def handling(self, before: Notes) -> bool:
        """Whether it handles a message, after at least three others."""
        now = self.notes()
        ended = len(now.ended) - len(before.ended)
        return ended >= 3 and len(now.began) - len(before.began) > ended

    def until_quiet(self, messages: int, longest: float = math.inf) -> None:
        """Wait until nothing has been noted for so long that nothing more can happen."""
        seen, began = self.notes(), time.monotonic()
        changed = began
        while time.monotonic() - began < longest:
            now = self.notes()
            if now != seen:
                seen, changed = now, time.monotonic()
            quiet = AGAIN_SECONDS if len(set(now.ended)) == messages else LOST_SECONDS
            if time.monotonic() - changed > quiet:
                return
            time.sleep(0.1)
