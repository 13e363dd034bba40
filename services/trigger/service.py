"""The trigger: what Event Grid does in Azure, where there is no Event Grid.

It looks at `input` and puts Event Grid's own event into `arrivals` for every new blob.
Uncommitted blocks aren't listed, so a blob shows up here when all of it is there.
"""

import time
import uuid
from datetime import UTC, datetime

from shared import names
from shared.blobs import Blob
from shared.logs import logger
from shared.messages import BlobCreated
from shared.runtime.stop import Stop
from shared.runtime.worker import Worker
from shared.settings import Settings
from shared.storage import Storage

log = logger()
#: A listing of a large container is dear; look again only after this many times what it took.
REST = 20


class Trigger:
    def __init__(self, storage: Storage) -> None:
        self._input = storage.container("input")
        self._records = storage.container("jobs")
        self._arrivals = storage.queue("arrivals")
        self._seen: set[str] = set()
        self._next_look = 0.0

    def look(self) -> bool:
        """Announce what is new; whether anything was."""
        began = time.monotonic()
        if began < self._next_look:
            return False
        there = {names.job_id(blob.name, blob.etag): blob for blob in self._input.under()}
        self._seen &= there.keys()
        new = [(job, blob) for job, blob in there.items() if job not in self._seen]
        for job, blob in new:
            self._announce(job, blob)
            self._seen.add(job)
        now = time.monotonic()
        self._next_look = now + REST * (now - began)
        return bool(new)

    def _announce(self, job: str, blob: Blob) -> None:
        """Send, then remember in storage. Killed between the two it sends again: the same job."""
        record = names.arrival_record(job)
        if self._records.find(record):
            return
        event = BlobCreated.of(
            event_id=str(uuid.uuid4()),
            url=self._input.url_of(blob.name),
            container=self._input.name,
            blob=blob.name,
            etag=blob.etag,
            size=blob.size,
            at=datetime.now(UTC),
        )
        self._arrivals.send(event)
        self._records.write_once(record, event.model_dump_json(by_alias=True).encode())
        log.info("announced", job=job, blob=names.shown(blob.name), size=blob.size)


def build(storage: Storage, settings: Settings, stop: Stop) -> Worker:
    return Worker(storage, settings, stop, routes=[], tick=Trigger(storage).look)
