"""The trigger: what Event Grid does in Azure, where there is no Event Grid.

It looks at `input` and at `styles`, and announces every new blob, the oldest first.
Uncommitted blocks aren't listed, so a blob shows up here when all of it is there.
"""

import time

from shared import names
from shared.arrivals import Arrivals, event_of
from shared.blobs import Blob, Container
from shared.listing import list_all
from shared.logs import logger
from shared.needs import Needs
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.storage import LANES, Storage

log = logger()
NEEDS = Needs(
    {"input": "list", "styles": "list", "jobs": "read write"},
    dict.fromkeys((*LANES, "lessons"), "send"),
)
#: A listing of a large container is dear; look again only after this many times what it took.
REST = 20
#: A look may also have taken long because storage didn't answer; then it is no reason to rest.
LONGEST_REST = 30.0


class Trigger:
    def __init__(self, storage: Storage) -> None:
        self._arrivals = Arrivals(storage)
        self._watched = [storage.container("input"), storage.container("styles")]
        self._seen: set[str] = set()
        self._told: dict[str, set[str]] = {}
        self._next_look = 0.0

    def look(self) -> bool:
        """Announce what is new; whether anything was."""
        began = time.monotonic()
        if began < self._next_look:
            return False
        there: set[str] = set()
        new = 0
        for container in self._watched:
            found = list_all(container)
            self._tell_of(container, set(found.hidden))
            for blob in found.oldest_first():
                content = content_of(blob)
                there.add(content)
                if content not in self._seen and not blob.is_folder:
                    event = event_of(container, blob.name, blob.etag, blob.size, blob.md5)
                    new += self._arrivals.announce_new(event)
                    self._seen.add(content)
        self._seen &= there
        now = time.monotonic()
        self._next_look = now + rest_after(now - began)
        return new > 0

    def _tell_of(self, container: Container, hidden: set[str]) -> None:
        for name in hidden - self._told.get(container.name, set()):
            log.error(
                "a blob's name has a character that can't be listed; delete the blob",
                container=container.name,
                name_begins=names.shown(name),
            )
        self._told[container.name] = hidden


def content_of(blob: Blob) -> str:
    """What stays the same when only the blob's metadata is changed, where that can be known."""
    version = f"{blob.created} {blob.md5}" if blob.md5 else blob.etag
    return names.job_id(blob.name, version)


def rest_after(look_seconds: float) -> float:
    return min(LONGEST_REST, REST * look_seconds)


def build(storage: Storage, settings: Settings, stop: Stop) -> Consumer:
    tick = Trigger(storage).look
    return Consumer(storage, settings, stop, routes=[], tick=tick, needs=[NEEDS])
