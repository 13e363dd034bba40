"""SIGKILL and SIGTERM for services and workers, SIGKILL for sandboxes, both for Azurite."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable

from benchmarks.soak import processes
from benchmarks.soak.counts import Counts
from benchmarks.soak.soak_stack import NOT_KILLED, SoakStack

VICTIMS = ("trigger", "splitter", "dispatcher", "stitcher", "batchai")
AZURITE = "azurite"
WORKER = "worker"
GONE_SECONDS = 10


class Killer:
    def __init__(self, stack: SoakStack, counts: Counts) -> None:
        self._stack = stack
        self._counts = counts
        self._victims = itertools.cycle(VICTIMS)
        self._next_rollout = itertools.cycle([*VICTIMS, WORKER])
        self._killed: set[int] = set()
        #: When Azurite last ended; the stack then clears its queues.
        self.azurite_ended_at: float | None = None
        self._before = stack.pids()
        #: Services that ended although nobody killed them.
        self.crashes: list[str] = []

    def service(self) -> None:
        name = next(self._victims)
        self._kill(f"{name} killed", [self._stack.pids()[name]])

    def rollout(self) -> None:
        """As a new version is rolled out: SIGTERM, and another process takes over."""
        name = next(self._next_rollout)
        pids = self._stack.workers() if name == WORKER else [self._stack.pids()[name]]
        if pids:
            self._kill(f"{name} told to leave", [random.choice(pids)], signal.SIGTERM)

    def worker(self) -> None:
        self._one_of("worker killed", self._stack.workers)

    def sandbox(self) -> None:
        owners = [pid for name, pid in self._stack.pids().items() if name not in NOT_KILLED]
        self._one_of(
            "sandbox killed", lambda: [c for pid in owners for c in processes.sandboxes(pid)]
        )

    def azurite_stopped(self) -> None:
        """SIGTERM: Azurite has time to write what it holds in memory."""
        self._end_azurite("restarted", [self._stack.pids()[AZURITE]], signal.SIGTERM)

    def azurite_killed(self) -> None:
        """SIGKILL for the Node.js process alone, or for its parent as well, with equal chance."""
        watcher = self._stack.pids()[AZURITE]
        server = list(processes.children(watcher))
        self._end_azurite("killed", random.choice([server, [watcher, *server]]), signal.SIGKILL)

    def _end_azurite(self, how: str, pids: list[int], number: int) -> None:
        if self._kill(f"{AZURITE} {how}", pids, number):
            self.azurite_ended_at = time.monotonic()

    def record_crashes(self) -> None:
        """Record services that have ended although nobody killed them."""
        now = self._stack.pids()
        for name, pid in self._before.items():
            if now.get(name, pid) != pid and pid not in self._killed:
                self.crashes.append(f"{name} ({pid}) ended without being killed")
        self._before = now

    def _one_of(self, kind: str, there: Callable[[], list[int]]) -> None:
        if found := there():
            self._kill(kind, [random.choice(found)])

    def _kill(self, kind: str, pids: list[int], number: int = signal.SIGKILL) -> bool:
        """Signal the processes; count the fault once all of them have ended."""
        pids = [pid for pid in pids if processes.alive(pid)]
        self._killed |= set(pids)
        if AZURITE in kind:
            self._killed.add(self._stack.pids()[AZURITE])
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return False
        until = time.monotonic() + GONE_SECONDS
        while any(map(processes.alive, pids)) and time.monotonic() < until:
            time.sleep(0.02)
        hit = bool(pids) and not any(map(processes.alive, pids))
        self._counts.add(kind, hit)
        return hit
