"""When workers last started to work and last worked, recorded in storage for the dispatcher."""

import time
from datetime import datetime

from shared.storage import Storage

STARTED, ACTIVE = "a-worker-got-to-work", "a-worker-is-at-work"
#: How often a working worker writes.
WRITE_SECONDS = 60.0


class WorkerActivity:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        self._next_write: float | None = None

    def record(self) -> None:
        """Call this at every step of the work; it writes the first time, and then once a minute."""
        now = time.monotonic()
        if self._next_write is None:
            self._logs.write(STARTED, b"")
        elif now < self._next_write:
            return
        self._logs.write(ACTIVE, b"")
        self._next_write = now + WRITE_SECONDS

    def last_start(self) -> datetime | None:
        """When a worker last began to work on its first message."""
        return self._modified(STARTED)

    def last_active(self) -> datetime | None:
        """When a worker was last working, to about a minute."""
        return self._modified(ACTIVE)

    def _modified(self, name: str) -> datetime | None:
        blob = self._logs.find(name)
        return blob.modified if blob else None
