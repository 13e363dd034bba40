"""For how long a job has found no room on any disk: a record that all workers share."""

from datetime import UTC, datetime, timedelta

from shared import names
from shared.errors import Missing
from shared.records import Record
from shared.storage import Storage

#: A try that finds no room begins a new wait if the last such try is longer ago.
BREAK = timedelta(minutes=5)


class Wait(Record):
    since: datetime
    last: datetime


class DiskWait:
    def __init__(self, storage: Storage) -> None:
        self._blobs = storage.container("frames")

    def note(self, job: str) -> timedelta:
        """Record that the job found no room; return for how long that has been so."""
        name, now = names.wait_record(job), datetime.now(UTC)
        try:
            wait = Wait.model_validate_json(self._blobs.read(name))
        except (Missing, ValueError):
            wait = Wait(since=now, last=now)
        if now - wait.last > BREAK:
            wait = Wait(since=now, last=now)
        wait = wait.model_copy(update={"last": now})
        self._blobs.write(name, wait.model_dump_json().encode())
        return now - wait.since
