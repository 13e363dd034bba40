"""Which models of devices there are: names and versions, from one listing.

`devices/NAME` is a device's own model, `groups/NAME` its group's, `devices-default` the default. A
training also writes its models into few larger blobs, bundles, from which a thousand models are
loaded as fast as one.
"""

import time
from typing import NamedTuple
from urllib.parse import quote, unquote

from shared.blobs import Blob
from shared.storage import Storage

DEVICES, GROUPS, DEFAULT = "devices/", "groups/", "devices-default"
#: A listing is used again for this long, and for as many times as long as it took.
LISTED_SECONDS, LISTED_TIMES = 5.0, 20


class Entry(NamedTuple):
    """A model in storage, and the bundle that has it as well."""

    name: str
    kind: str
    version: str
    etag: str
    bundle: str
    features: str
    threshold: float

    @classmethod
    def of(cls, blob: Blob) -> "Entry":
        facts = blob.metadata
        try:
            threshold = float(facts.get("threshold", 0))
        except ValueError:
            threshold = 0.0
        return cls(
            blob.name,
            facts.get("kind", ""),
            facts.get("version", blob.etag),
            blob.etag,
            facts.get("bundle", ""),
            facts.get("features", ""),
            threshold,
        )


def blob_of(device: str) -> str:
    return DEVICES + quote(device, safe="")


def device_of(blob: str) -> str:
    return unquote(blob.removeprefix(DEVICES))


class ModelListing:
    def __init__(self, storage: Storage) -> None:
        self.blobs = storage.container("models")
        self._entries: dict[str, Entry] = {}
        self._listed_until = 0.0

    def entries(self, fresh: bool = False) -> dict[str, Entry]:
        """All models by name, as they were some seconds ago."""
        began = time.monotonic()
        if fresh or began >= self._listed_until:
            blobs = self.blobs.under("devices") + self.blobs.under(GROUPS)
            self._entries = {blob.name: Entry.of(blob) for blob in blobs}
            now = time.monotonic()
            self._listed_until = now + max(LISTED_SECONDS, LISTED_TIMES * (now - began))
        return self._entries

    def devices(self) -> list[str]:
        """The devices that have a model of their own."""
        return [device_of(name) for name in self.entries(fresh=True) if name.startswith(DEVICES)]

    def publish(self, name: str, kind: str, version: str, data: bytes, bundle: str = "") -> None:
        facts = {"kind": kind, "version": version} | ({"bundle": bundle} if bundle else {})
        self.blobs.write(name, data, facts)
