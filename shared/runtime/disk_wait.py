"""Records since when no worker has had disk space for a job, which is given up after some time."""

from datetime import UTC, datetime, timedelta

from shared import names
from shared.errors import Missing
from shared.records import Record
from shared.storage import Storage

#: If the last attempt that found no room is longer ago, the wait begins anew.
BREAK = timedelta(minutes=5)


class Wait(Record):
    since: datetime
    last: datetime


class DiskWait:
    def __init__(self, storage: Storage) -> None:
        self._blobs = storage.container("shards")

    def note(self, job: str) -> timedelta:
        """Record that the job found no room; return for how long it has found none."""
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
