"""The models of devices, loaded: which one a device has, and a bounded cache of them."""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from pydantic import ValidationError

from shared.errors import Missing, Refused
from shared.sandbox import MIB
from shared.storage import Storage
from workloads.readings.estimators import ONNX, SKOPS, Estimator, load_onnx, load_skops
from workloads.readings.features import Features
from workloads.readings.model_listing import DEFAULT, GROUPS, Entry, ModelListing, blob_of
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import decoded
from workloads.readings.svm import OneClassSvm
from workloads.readings.windows import ONE_CLASS_SVM as KIND

AT_ONCE = 16

AnyModel = OneClassSvm | Estimator


class Chosen(NamedTuple):
    """A device's model. Without one, `why` says what is wrong with it, or is empty."""

    entry: Entry | None
    model: AnyModel | None
    why: str = ""


class DeviceModels:
    def __init__(self, storage: Storage, settings: ReadingsSettings) -> None:
        self._listing = ModelListing(storage)
        self._group = re.compile(settings.readings_group)
        self._trusted = settings.readings_trusted_types
        self._most = settings.readings_models_mib * MIB
        #: By name and ETag, the least recently used first; a text is why it can't be used.
        self._cache: OrderedDict[tuple[str, str], AnyModel | str] = OrderedDict()
        self._cached_bytes = 0

    def choose(self, devices: Iterable[str]) -> dict[str, Chosen]:
        """Each device's model, loaded."""
        wanted = {device: self._entry_of(device) for device in devices}
        if not all(wanted.values()):  # a model may have come since
            self._listing.entries(fresh=True)
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

    def _entry_of(self, device: str) -> Entry | None:
        entries = self._listing.entries()
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
                table = decoded(self._listing.blobs.read(bundle))
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
            data = self._listing.blobs.read(entry.name)
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
