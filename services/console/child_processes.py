"""Starts child processes that end with their parent, and ends them."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from shared.errors import Misconfigured

Child = subprocess.Popen[bytes]


class Lifeline:
    """A standard input for children: it ends when it is cut, or when this process is gone."""

    def __init__(self) -> None:
        theirs, ours = os.pipe()
        self._theirs, self._ours = os.fdopen(theirs, "rb"), os.fdopen(ours, "wb")

    @property
    def end(self) -> int:
        return self._theirs.fileno()

    def cut(self) -> None:
        self._ours.close()
        self._theirs.close()


def locked(path: Path) -> IO[str]:
    """Lock a stack's folder for this process, until the returned file is closed."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Misconfigured(
            f"a stack is already up in {path.parent}; use another folder with --data"
        ) from None
    return file


def start_module(
    module: str, environment: Mapping[str, str], lifeline: Lifeline, log: Path
) -> Child:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            env=environment,
            stdin=lifeline.end,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C doesn't reach it; the parent ends it
        )


def end(children: Sequence[Child], seconds: float) -> None:
    """End children with SIGTERM, and after so many seconds with SIGKILL."""
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    until = time.monotonic() + seconds
    for child in children:
        try:
            child.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        kill_group(child)


def kill_group(leader: Child) -> None:
    """Kill the processes that a killed one has left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)
