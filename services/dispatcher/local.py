"""A cluster of processes on this machine: one worker to a slot.

A slot is a file that its worker holds a lock on for as long as it lives, however it dies.
So a dispatcher that comes back after a crash still knows who is at work.
"""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

from shared.logs import logger

log = logger()


class LocalCluster:
    def __init__(self, nodes: int, folder: Path) -> None:
        self._nodes = nodes
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def nodes(self) -> int:
        return self._nodes

    def alive(self) -> int:
        self._reap()
        return sum(self._taken(slot) for slot in range(self._nodes))

    def start(self, workers: int) -> None:
        for slot in range(self._nodes):
            if workers and self._start_in(slot):
                workers -= 1

    def close(self) -> None:
        """Nothing starts work for them any more, and nobody would end them."""
        for slot in range(self._nodes):
            if self._taken(slot):
                pid = int(self._path(slot).read_text() or 0)
                if pid:
                    os.kill(pid, signal.SIGTERM)
        for child in self._children:
            child.wait()

    def _path(self, slot: int) -> Path:
        return self._folder / f"slot-{slot}"

    def _taken(self, slot: int) -> bool:
        with self._path(slot).open("a") as file:
            return not _locked(file.fileno())

    def _start_in(self, slot: int) -> bool:
        with self._path(slot).open("a+") as file, (self._folder / f"{slot}.log").open("ab") as out:
            if not _locked(file.fileno()):
                return False
            child = subprocess.Popen(
                [sys.executable, "-m", "services.scorer"],
                pass_fds=[file.fileno()],  # the lock goes with it
                stderr=out,
            )
            file.truncate(0)
            file.write(str(child.pid))
        self._children.append(child)
        log.info("worker started", slot=slot, worker=child.pid)
        return True

    def _reap(self) -> None:
        for child in self._children[:]:
            code = child.poll()
            if code is not None:
                self._children.remove(child)
                say = log.info if code == 0 else log.warning
                say("worker left", worker=child.pid, code=code)


def _locked(file: int) -> bool:
    """Whether the lock could be had: nobody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
