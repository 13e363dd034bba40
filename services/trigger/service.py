"""The trigger: what Event Grid does in Azure, where there is no Event Grid.

It looks at `input` and at `styles`, and puts Event Grid's own event into `arrivals` and `lessons`
for every new blob.
Uncommitted blocks aren't listed, so a blob shows up here when all of it is there.
"""

import time

from shared import names
from shared.arrivals import announcement
from shared.blobs import Blob, Container
from shared.logs import logger
from shared.queues import Queue
from shared.runtime.stop import Stop
from shared.runtime.worker import Worker
from shared.settings import Settings
from shared.storage import Storage

log = logger()
#: A listing of a large container is dear; look again only after this many times what it took.
REST = 20
#: A look may also have taken long because storage didn't answer; then it is no reason to rest.
LONGEST_REST = 30.0


class Trigger:
    def __init__(self, storage: Storage) -> None:
        self._records = storage.container("jobs")
        self._watched = [
            (storage.container("input"), storage.queue("arrivals")),
            (storage.container("styles"), storage.queue("lessons")),
        ]
        self._seen: set[str] = set()
        self._next_look = 0.0

    def look(self) -> bool:
        """Announce what is new; whether anything was."""
        began = time.monotonic()
        if began < self._next_look:
            return False
        there: set[str] = set()
        new = 0
        for container, queue in self._watched:
            for blob in container.under():
                job = names.job_id(blob.name, blob.etag)
                there.add(job)
                if job not in self._seen:
                    self._announce(container, queue, job, blob)
                    self._seen.add(job)
                    new += 1
        self._seen &= there
        now = time.monotonic()
        self._next_look = now + rest_after(now - began)
        return new > 0

    def _announce(self, container: Container, queue: Queue, job: str, blob: Blob) -> None:
        """Send, then remember in storage. Killed between the two it sends again: the same job."""
        record = names.arrival_record(job)
        if self._records.find(record):
            return
        event = announcement(container, blob.name, blob.etag, blob.size)
        queue.send(event)
        self._records.write_once(record, event.model_dump_json(by_alias=True).encode())
        log.info("announced", job=job, blob=names.shown(blob.name), size=blob.size)


def rest_after(look_seconds: float) -> float:
    return min(LONGEST_REST, REST * look_seconds)


def build(storage: Storage, settings: Settings, stop: Stop) -> Worker:
    return Worker(storage, settings, stop, routes=[], tick=Trigger(storage).look)
