"""The trigger: announces new blobs, in place of Event Grid where there is none, and due windows.

It lists the containers of the workloads. A blob is listed once it is complete: uncommitted blocks
are not.
"""

import time
from collections.abc import Collection

from shared import names
from shared.arrivals import Arrivals, event_of
from shared.bells import uploads_ring
from shared.blobs import Blob, Container
from shared.listing import list_all
from shared.logs import logger
from shared.rights import Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.storage import LANES, Storage
from shared.workloads import inputs, lessons, watched

log = logger()
RIGHTS = Rights(
    {**dict.fromkeys([*inputs(), *lessons()], "list"), "jobs": "read write"},
    dict.fromkeys((*LANES, "lessons"), "send"),
)
#: How many times longer than a listing the pause after it is.
PAUSE_FACTOR = 20
#: A listing may also have taken long because of an outage.
LONGEST_PAUSE = 30.0
#: After so long without anything new, lessons are listed at every third listing of inputs. Where a
#: bell rings for uploads, everything is then listed only once in a while.
CALM_SECONDS = 60.0
LESSONS_EVERY = 3
SELDOM_SECONDS = 60.0


class Trigger:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._bells = storage.bells
        self._arrivals = Arrivals(storage)
        self._watched = [storage.container(name) for name in watched()]
        self._seen: dict[str, set[str]] = {}
        self._unlistable: dict[str, set[str]] = {}
        self._next_listing = self._last_listing = 0.0
        self._last_new = time.monotonic()
        self._listings = 0

    def announce_new(self) -> bool:
        """Announce new blobs, the oldest first, and windows; return whether there were any."""
        began = time.monotonic()
        if began < self._next_listing:
            return False
        new = self._announce_uploads(began) + self._arrivals.announce_due()
        now = time.monotonic()
        if new:
            self._last_new = now
        self._next_listing = now + pause_after(now - began)
        return new > 0

    def heard(self, _containers: Collection[str]) -> None:
        """Something was uploaded: list soon, and often for a while, in case more comes."""
        self._last_new = time.monotonic()

    def _announce_uploads(self, began: float) -> int:
        calm = began - self._last_new >= CALM_SECONDS
        if calm and uploads_ring(self._bells) and began - self._last_listing < SELDOM_SECONDS:
            return 0
        self._last_listing = began
        new = 0
        for container in self._containers_to_list(calm):
            listed: set[str] = set()
            seen = self._seen.setdefault(container.name, set())
            found = list_all(container)
            self._log_unlistable(container, set(found.unlistable))
            for blob in found.oldest_first():
                content = content_of(blob)
                listed.add(content)
                if content not in seen and not blob.is_folder:
                    event = event_of(container, blob.name, blob.etag, blob.size, blob.md5)
                    new += self._arrivals.announce_new(event)
                    seen.add(content)
            seen &= listed
        return new

    def _containers_to_list(self, calm: bool) -> list[Container]:
        """Mostly no lessons while all is calm: learning takes minutes anyway."""
        self._listings += 1
        if not calm or uploads_ring(self._bells) or self._listings % LESSONS_EVERY == 0:
            return self._watched
        return [container for container in self._watched if container.name not in lessons()]

    def _log_unlistable(self, container: Container, names_begin: set[str]) -> None:
        """Log each name once, for as long as it exists."""
        for name in names_begin - self._unlistable.get(container.name, set()):
            log.error(
                "a blob's name has a character that can't be listed; delete the blob",
                container=container.name,
                name_begins=names.shown(name),
            )
        self._unlistable[container.name] = names_begin


def content_of(blob: Blob) -> str:
    """An id that stays the same when only metadata changes, if storage knows a checksum."""
    version = f"{blob.created} {blob.md5}" if blob.md5 else blob.etag
    return names.job_id(blob.name, version)


def pause_after(seconds: float) -> float:
    return min(LONGEST_PAUSE, PAUSE_FACTOR * seconds)


def build(storage: Storage, settings: Settings, stop: Stop) -> Consumer:
    trigger = Trigger(storage)
    return Consumer(
        storage,
        settings,
        stop,
        routes=[],
        tick=trigger.announce_new,
        rights=[RIGHTS],
        woken_by=list(watched()),
        heard=trigger.heard,
        may_be_late=lambda: False,  # nobody rings for windows that are due
    )
