"""Wakes processes of the same machine that wait for messages, so that they seldom have to ask.

Each such process has a named pipe in the folder `IMPASTO_BELLS`. Whoever sends a message writes the
queue's name to all of these pipes, and whoever runs Azurite there the container's name of each
upload. Where the folder isn't set, as on several machines, nobody is woken. A process that is woken
by nobody still polls its queues, only less often.
"""

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".bell"
#: A file in the folder: uploads ring as well.
UPLOADS = "uploads-ring"
LINE = re.compile(r"^([\w-]+) (\d+(?:\.\d+)?)$", re.MULTILINE | re.ASCII)


class Ring(NamedTuple):
    queue: str
    #: In how many seconds there is a message to receive.
    after: float


def ring(folder: Path | None, queue: str, after: float = 0) -> None:
    """Tell all processes that listen in the folder. Never fails: they poll as well."""
    if folder is None:
        return
    line = f"{queue} {after:.3f}\n".encode()
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # its process was killed
            path.unlink(missing_ok=True)
            continue
        with suppress(OSError):  # it hasn't read for so long that the pipe is full
            os.write(pipe, line)
        os.close(pipe)


def uploads_ring(folder: Path | None) -> bool:
    return folder is not None and (folder / UPLOADS).exists()


class Bell:
    """The pipe by which this process is woken."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        os.mkfifo(made)
        self.descriptor = os.open(made, os.O_RDWR | os.O_NONBLOCK)
        self._path = made.rename(made.with_suffix(SUFFIX))  # nobody writes to it before it is open

    def heard(self) -> list[Ring]:
        """All rings since the last call."""
        try:
            text = os.read(self.descriptor, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            return []
        return [Ring(queue, float(after)) for queue, after in LINE.findall(text)]

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)
