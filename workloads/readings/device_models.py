"""The models of devices: which one a device has, and a bounded cache of them.

`devices/NAME` is a device's own, `groups/NAME` its group's, `devices-default` the default. One
listing says which there are, in which version. A training also writes its models into few larger
blobs, bundles, from which a thousand models are loaded as fast as one.
"""

import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, unquote

from pydantic import ValidationError

from shared.blobs import Blob
from shared.errors import Missing, Refused
from shared.sandbox import MIB
from shared.storage import Storage
from workloads.readings.estimators import ONNX, SKOPS, Estimator, load_onnx, load_skops
from workloads.readings.features import Features
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import decoded
from workloads.readings.svm import OneClassSvm
from workloads.readings.windows import ONE_CLASS_SVM as KIND

DEVICES, GROUPS, DEFAULT = "devices/", "groups/", "devices-default"
#: A listing is used again for this long, and for as many times as long as it took.
LISTED_SECONDS, LISTED_TIMES = 5.0, 20
AT_ONCE = 16

AnyModel = OneClassSvm | Estimator


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


class Chosen(NamedTuple):
    """A device's model. Without one, `why` says what is wrong with it, or is empty."""

    entry: Entry | None
    model: AnyModel | None
    why: str = ""


def blob_of(device: str) -> str:
    return DEVICES + quote(device, safe="")


def device_of(blob: str) -> str:
    return unquote(blob.removeprefix(DEVICES))


class DeviceModels:
    def __init__(self, storage: Storage, settings: ReadingsSettings) -> None:
        self._blobs = storage.container("models")
        self._group = re.compile(settings.readings_group)
        self._trusted = settings.readings_trusted_types
        self._most = settings.readings_models_mib * MIB
        self._entries: dict[str, Entry] = {}
        self._listed_until = 0.0
        #: By name and ETag, the least recently used first; a text is why it can't be used.
        self._cache: OrderedDict[tuple[str, str], AnyModel | str] = OrderedDict()
        self._cached_bytes = 0

    def entries(self, fresh: bool = False) -> dict[str, Entry]:
        """All models by name, as they were some seconds ago."""
        began = time.monotonic()
        if fresh or began >= self._listed_until:
            blobs = self._blobs.under("devices") + self._blobs.under(GROUPS)
            self._entries = {blob.name: Entry.of(blob) for blob in blobs}
            now = time.monotonic()
            self._listed_until = now + max(LISTED_SECONDS, LISTED_TIMES * (now - began))
        return self._entries

    def devices(self) -> list[str]:
        """The devices that have a model of their own."""
        return [device_of(name) for name in self.entries(fresh=True) if name.startswith(DEVICES)]

    def choose(self, devices: Iterable[str]) -> dict[str, Chosen]:
        """Each device's model, loaded."""
        wanted = {device: self._entry_of(device) for device in devices}
        if not all(wanted.values()):  # a model may have come since
            self.entries(fresh=True)
            wanted = {device: self._entry_of(device) for device in wanted}
        loaded = self._load({entry for entry in wanted.values() if entry})
        found: dict[str, Chosen] = {}
        for device, entry in wanted.items():
            model = loaded[entry] if entry else None
            if isinstance(model, str):
                found[device] = Chosen(entry, None, model)
            else:
                found[device] = Chosen(entry, model)
        return found

    def publish(self, name: str, kind: str, version: str, data: bytes, bundle: str = "") -> None:
        facts = {"kind": kind, "version": version} | ({"bundle": bundle} if bundle else {})
        self._blobs.write(name, data, facts)

    def write_bundle(self, name: str, data: bytes) -> None:
        self._blobs.write(name, data)

    def _entry_of(self, device: str) -> Entry | None:
        entries = self.entries()
        found = self._group.search(device)
        group = f"{GROUPS}{quote(found.group(1) or '', safe='')}" if found else DEFAULT
        return entries.get(blob_of(device)) or entries.get(group) or entries.get(DEFAULT)

    def _load(self, entries: set[Entry]) -> dict[Entry, AnyModel | str]:
        found: dict[Entry, AnyModel | str] = {}
        for entry in entries:
            key = (entry.name, entry.etag)
            if key in self._cache:
                self._cache.move_to_end(key)
                found[entry] = self._cache[key]
        missing = entries - set(found)
        found |= self._from_bundles({entry for entry in missing if entry.bundle})
        alone = sorted(missing - set(found))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found |= dict(zip(alone, pool.map(self._load_one, alone), strict=True))
        for entry in missing:
            self._keep(entry, found[entry])
        return found

    def _from_bundles(self, entries: set[Entry]) -> dict[Entry, AnyModel | str]:
        """The models that are in their bundles."""
        found: dict[Entry, AnyModel | str] = {}
        by_bundle: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            by_bundle.setdefault(entry.bundle, {})[entry.name] = entry
        for bundle, wanted in sorted(by_bundle.items()):
            try:
                table = decoded(self._blobs.read(bundle))
            except Missing:
                continue
            names = table.column("device").to_pylist()
            data = table.column("model")
            for row, device in enumerate(names):
                own = wanted.get(blob_of(device))
                if own:
                    found[own] = tried(partial(OneClassSvm.load, data[row].as_py()))
        return found

    def _load_one(self, entry: Entry) -> AnyModel | str:
        try:
            data = self._blobs.read(entry.name)
        except Missing:
            return "it was removed"
        return tried(lambda: self._parse(entry, data))

    def _parse(self, entry: Entry, data: bytes) -> AnyModel:
        kind = entry.kind or kind_of(data)
        if kind == KIND:
            return OneClassSvm.load(data)
        try:
            features = Features(**json.loads(entry.features or "{}"))
        except (ValueError, TypeError, ValidationError):
            raise Refused("its metadata `features` doesn't declare features") from None
        if kind == SKOPS:
            return Estimator(features, entry.threshold, len(data), load_skops(data, self._trusted))
        if kind == ONNX:
            return Estimator(features, entry.threshold, len(data), load_onnx(data))
        raise Refused(f"its kind is none of {KIND}, {SKOPS} and {ONNX}")

    def _keep(self, entry: Entry, model: AnyModel | str) -> None:
        self._cache[entry.name, entry.etag] = model
        self._cached_bytes += size_of(model)
        while self._cached_bytes > self._most and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._cached_bytes -= size_of(old)


def size_of(model: AnyModel | str) -> int:
    return len(model) if isinstance(model, str) else model.nbytes


def kind_of(data: bytes) -> str:
    """The kind of a model whose metadata doesn't say it."""
    if data[:2] == b"PK":
        return SKOPS
    return KIND if data[8:9] == b"{" else ONNX


def tried(load: Callable[[], AnyModel]) -> AnyModel | str:
    try:
        return load()
    except Refused as error:
        return str(error)
