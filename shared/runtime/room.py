"""How long a job has found no room on any disk: kept in storage, for all workers that try it."""

from datetime import UTC, datetime, timedelta

from shared import names
from shared.errors import Missing
from shared.records import Record
from shared.storage import Storage

#: So long after the last try that found no room, the next one that doesn't begins a new wait.
BREAK = timedelta(minutes=5)


class Wait(Record):
    since: datetime
    last: datetime


class Room:
    def __init__(self, storage: Storage) -> None:
        self._blobs = storage.container("frames")

    def missing(self, job: str) -> timedelta:
        """Note that there was none for the job, and say for how long that has been so."""
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
