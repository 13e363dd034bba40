"""Announces blobs and windows to the services, and records that they were announced.

Event Grid announces blobs, and so do the trigger, `impasto submit` and `impasto replay`.
"""

import uuid
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from shared import names
from shared.blobs import Blob, Container
from shared.errors import Malformed, Missing, Refused
from shared.logs import logger
from shared.messages import BlobCreated, BlobData
from shared.storage import LANES, Storage
from shared.workloads import installed, workload_of_lessons

log = logger()


class Arrivals:
    def __init__(self, storage: Storage) -> None:
        self._records = storage.container("jobs")
        self._storage = storage

    def announce(self, event: BlobCreated) -> None:
        """Send the event and record it. A second announcement is the same job."""
        self._send(event)
        self.record(event)

    def announce_new(self, event: BlobCreated) -> bool:
        """Announce the blob unless that was recorded; return whether it was new."""
        if self.recorded(event.job):
            return False
        self._send(event)
        self._record(event)
        return True

    def announce_due(self) -> int:
        """Announce the jobs that are due by the clock; return how many are new."""
        now = datetime.now(UTC)
        due = (event for w in installed().values() for event in w.due(self._storage, now))
        return sum(map(self.announce_new, due))

    def record(self, event: BlobCreated) -> None:
        """Record that the blob was announced, unless that is recorded."""
        if not self.recorded(event.job):
            self._record(event)

    def _send(self, event: BlobCreated) -> None:
        self._storage.queue(queue_of(event)).send(event)
        log.info("announced", job=event.job, blob=names.shown(event.blob))

    def _record(self, event: BlobCreated) -> None:
        """Write the record for listings first: a crash in between lists the job twice."""
        metadata = {"container": event.container, "blob": quote(event.blob)}
        self._records.write_once(names.newest_record(event.job, datetime.now(UTC)), b"", metadata)
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

    def current_events(self, container: Container, event: BlobCreated) -> list[BlobCreated]:
        """Return events for the blobs that Azure's event announces, as the blobs are now.

        A blob's ETag may differ from the event's: to set metadata changes it, and sends no event.
        A file that was only created announces nothing, and a renamed folder all blobs in it.
        """
        if event.is_only_created:
            return []
        if event.is_window or self.recorded(event.job):
            return [event]
        if event.is_directory:
            blobs = container.under(f"{event.blob}/")
        else:
            blob = find_if_valid(container, event.blob)
            if blob is None:
                return [event]  # its job will be refused, with the reason
            blobs = [blob]
        return [
            event_of(container, blob.name, blob.etag, blob.size, blob.md5)
            for blob in blobs
            if not blob.is_folder and not (event.is_directory and blob.size == 0)
        ]


def find_if_valid(container: Container, name: str) -> Blob | None:
    try:
        return container.find(names.check_blob_name(name))
    except Refused:
        return None


def queue_of(event: BlobCreated) -> str:
    """Lessons share a queue. Any other job's queue is the lane of its top folder."""
    if workload_of_lessons(event.container):
        return "lessons"
    return lane_of(event.blob)


def lane_of(blob: str) -> str:
    return LANES[names.digest_of(names.top_folder(blob))[-1] % len(LANES)]


def event_of(container: Container, blob: str, etag: str, size: int, md5: str = "") -> BlobCreated:
    return BlobCreated.of(
        event_id=str(uuid.uuid4()),
        url=container.url_of(blob),
        container=container.name,
        blob=blob,
        etag=etag,
        size=size,
        at=datetime.now(UTC),
        md5=md5,
    )


def window_event(container: Container, window: str, size: int) -> BlobCreated:
    """The event of a window of blobs, which are complete and have so many bytes in all."""
    return BlobCreated(
        id=str(uuid.uuid4()),
        topic=urlsplit(container.url_of("")).netloc,
        subject=f"/blobServices/default/containers/{container.name}/blobs/{window}",
        event_type="Impasto.WindowDue",
        event_time=datetime.now(UTC),
        data=BlobData(content_length=size),
    )
