"""Deletes the logs and traces of jobs that are older than the settings keep them."""

import time
from datetime import UTC, datetime, timedelta

from shared.logs import logger
from shared.storage import Storage

log = logger()
LOOK_SECONDS = 3600.0
#: Of the names that jobs' logs have; the container has other blobs as well.
SUFFIX = ".jsonl"
AUDIT = "audit/"


class Retention:
    def __init__(self, storage: Storage, days: float) -> None:
        self._logs = storage.container("logs")
        self._age = timedelta(days=days)
        self._next_look = 0.0

    def enforce(self) -> None:
        """Delete what is too old; look once an hour."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        oldest = datetime.now(UTC) - self._age
        old = [
            blob.name
            for blob in self._logs.under()
            if blob.name.endswith(SUFFIX)
            and not blob.name.startswith(AUDIT)
            and blob.modified < oldest
        ]
        for name in old:
            self._logs.delete(name)
        if old:
            log.info("deleted old logs of jobs", blobs=len(old))
