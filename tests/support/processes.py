"""Processes that are still running."""

import contextlib
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from shared.blobs import Container


def processes_of(folder: Path) -> list[str]:
    """Whatever still runs with this data folder in its environment or arguments."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("there is no /proc to look for processes in")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            said = command + (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in said and int(process.name) != os.getpid():
            found.append(f"{process.name}: {command}")
    return found


def worker_pids(data: Path) -> list[int]:
    """The commands of running Batch AI jobs, without the processes that guard them."""
    found = []
    for path in (data / "batchai" / "runs").glob("*/pid"):
        with contextlib.suppress(FileNotFoundError):  # it ended just now
            found.append(int(path.read_text() or 0))
    return [pid for pid in found if pid]


def sandboxes() -> list[psutil.Process]:
    """The children of this process that open untrusted files."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "shared.sandbox.child" in child.cmdline():
                found.append(child)
    return found


def signalling(number: signal.Signals) -> Callable[..., BinaryIO]:
    """In place of `Container.open`: sandboxes get this signal when they ask for a file."""

    def opened(_container: Container, _name: str, _etag: str, size: int) -> BinaryIO:
        for child in sandboxes():
            child.send_signal(number)
        return io.BytesIO(bytes(size))

    return opened
