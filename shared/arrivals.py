"""The announcement of a blob to the services, and the record that it was made.

Event Grid announces in Azure. The trigger, `impasto submit` and `impasto replay` do it as well.
"""

import hashlib
import uuid
from datetime import UTC, datetime

from pydantic import ValidationError

from shared import names
from shared.blobs import Container
from shared.errors import Malformed, Missing
from shared.logs import logger
from shared.messages import BlobCreated
from shared.storage import LANES, Storage

log = logger()


class Arrivals:
    def __init__(self, storage: Storage) -> None:
        self._records = storage.container("jobs")
        self._storage = storage

    def announce(self, event: BlobCreated) -> None:
        """Announce it, however often that was done: it stays the same job."""
        self._storage.queue(queue_of(event)).send(event)
        self.record(event)
        log.info("announced", job=event.job, blob=names.shown(event.blob))

    def announce_new(self, event: BlobCreated) -> bool:
        """Whether it was new."""
        if self.recorded(event.job):
            return False
        self.announce(event)
        return True

    def record(self, event: BlobCreated) -> None:
        """Make the job known. Whoever sees its event first does that."""
        data = event.model_dump_json(by_alias=True).encode()
        self._records.write_once(names.arrival_record(event.job), data)

    def recorded(self, job: str) -> bool:
        return self._records.find(names.arrival_record(job)) is not None

    def find(self, job: str) -> BlobCreated | None:
        try:
            return BlobCreated.model_validate_json(self._records.read(names.arrival_record(job)))
        except Missing:
            return None
        except ValidationError as error:
            raise Malformed(f"the arrival record of {job} can't be read: {error}") from error


def queue_of(event: BlobCreated) -> str:
    """A painting waits with all others. A video waits in the lane that its top folder has."""
    if event.container == "styles":
        return "lessons"
    folder, slash, _ = event.blob.partition("/")
    text = folder.encode("utf-8", "surrogatepass") if slash else b""
    return LANES[hashlib.sha1(text, usedforsecurity=False).digest()[-1] % len(LANES)]


def event_of(container: Container, blob: str, etag: str, size: int) -> BlobCreated:
    return BlobCreated.of(
        event_id=str(uuid.uuid4()),
        url=container.url_of(blob),
        container=container.name,
        blob=blob,
        etag=etag,
        size=size,
        at=datetime.now(UTC),
    )
