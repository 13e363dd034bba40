"""Reads what all services kept of a job in the container `logs`: their log lines and spans."""

import json
import time
from collections.abc import Iterator
from typing import Any

from shared import names
from shared.errors import Missing
from shared.jobs import Jobs
from shared.runtime.stop import Stop
from shared.storage import Storage

Line = dict[str, Any]
FOLLOW_SECONDS = 1.0
#: How long after a job's end its last lines may come.
LATE_SECONDS = 5.0


class JobLines:
    def __init__(self, storage: Storage, job: str) -> None:
        self._logs = storage.container("logs")
        self._jobs = Jobs(storage)
        self._job = job
        #: How much of each blob has been read.
        self._read: dict[str, int] = {}
        self._seen: set[str] = set()

    def new(self) -> list[Line]:
        """The lines since the last call, of all services, each once."""
        found = []
        for blob in self._logs.under(names.job_folder(self._job)):
            start = self._read.get(blob.name, 0)
            if blob.size <= start:
                continue
            data = self._logs.read_from(blob.name, start)
            whole = data[: data.rfind(b"\n") + 1]
            self._read[blob.name] = start + len(whole)
            # An append that was retried may be there twice.
            texts = [text for text in whole.splitlines() if self._is_new(text)]
            found += [line for line in map(parsed, texts) if line]
        return found

    def log(self) -> list[Line]:
        """The new log lines in their order."""
        lines = [line for line in self.new() if "event" in line]
        return sorted(lines, key=lambda line: str(line.get("timestamp", "")))

    def follow(self, stop: Stop) -> Iterator[Line]:
        """Yield log lines as they come, until some time after the job's end."""
        last = 0.0
        while True:
            ended = self._jobs.ended(self._job)
            lines = self.log()
            yield from lines
            now = time.monotonic()
            last = now if lines or not ended else last
            if now - last > LATE_SECONDS or stop.wait(FOLLOW_SECONDS):
                return

    def require_some(self) -> list[Line]:
        lines = self.new()
        if not lines:
            raise Missing(f"nothing is kept of a job called {names.shown(self._job)}")
        return lines

    def _is_new(self, text: bytes) -> bool:
        line = text.decode("utf-8", "replace")
        if line in self._seen:
            return False
        self._seen.add(line)
        return True


def parsed(text: bytes) -> Line | None:
    """The line; None where it was cut off."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
