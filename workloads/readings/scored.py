"""A scored item: predictions as Arrow IPC, and what else is to be said about its devices."""

from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel

from shared.errors import Malformed
from workloads.readings.columns import TIME, Columns
from workloads.readings.features import Floats
from workloads.readings.shard import decoded, encoded

V = TypeVar("V")
NOTES = b"impasto.notes"
#: How many devices are named of those that have no model, or a broken one.
MOST_NAMED = 1000
#: How many anomalies are candidates for the worst ten.
WORST = 10

WORDS = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("device", WORDS),
        ("time", TIME),
        ("value", pa.float64()),
        ("score", pa.float64()),
        ("anomaly", pa.bool_()),
        ("version", WORDS),
    ]
)


class Anomaly(BaseModel):
    device: str
    time: int
    value: float
    score: float
    #: How far below the threshold it is, as a share of how far below it can be: 1 at most.
    margin: float


class Notes(BaseModel):
    """About some devices of a round; `merge` adds them up."""

    devices: int = 0
    readings: int = 0
    anomalies: int = 0
    devices_with_anomalies: int = 0
    worst: list[Anomaly] = []
    #: How many devices have no model or a broken one, and the first of them.
    without_model: int = 0
    without_model_names: list[str] = []
    broken_models: dict[str, str] = {}
    #: Devices that sent less than half of what they used to send, with that share.
    sparse: dict[str, float] = {}
    #: How many devices were scored by each version.
    versions: dict[str, int] = {}

    def merge(self, other: "Notes") -> "Notes":
        versions = dict(self.versions)
        for version, count in other.versions.items():
            versions[version] = versions.get(version, 0) + count
        return Notes(
            devices=self.devices + other.devices,
            readings=self.readings + other.readings,
            anomalies=self.anomalies + other.anomalies,
            devices_with_anomalies=self.devices_with_anomalies + other.devices_with_anomalies,
            worst=worst_of(self.worst + other.worst),
            without_model=self.without_model + other.without_model,
            without_model_names=some(self.without_model_names + other.without_model_names),
            broken_models=few(self.broken_models | other.broken_models),
            sparse=few(self.sparse | other.sparse),
            versions=versions,
        )


def worst_of(found: list[Anomaly]) -> list[Anomaly]:
    """The worst ten, each of another device."""
    chosen: dict[str, Anomaly] = {}
    for each in sorted(found, key=lambda a: (-a.margin, a.device, a.time)):
        chosen.setdefault(each.device, each)
    return list(chosen.values())[:WORST]


def some(names: list[str]) -> list[str]:
    return sorted(names)[:MOST_NAMED]


def few(values: dict[str, V]) -> dict[str, V]:
    return {name: values[name] for name in some(list(values))}


class Scored(NamedTuple):
    columns: Columns
    scores: Floats
    anomalies: NDArray[np.bool_]
    #: The version of each device's model.
    versions: list[str]
    notes: Notes

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in (*self.columns[1:], self.scores, self.anomalies))

    def encode(self) -> bytes:
        devices, codes, times, values = self.columns
        known = sorted(set(self.versions))
        number = {version: n for n, version in enumerate(known)}
        version = np.array([number[v] for v in self.versions], np.int32)[codes]
        words = pa.DictionaryArray.from_arrays
        table = pa.table(
            [
                words(pa.array(codes), pa.array(devices, pa.string())),
                pa.array(times).cast(TIME),
                pa.array(values),
                pa.array(self.scores),
                pa.array(self.anomalies),
                words(pa.array(version), pa.array(known, pa.string())),
            ],
            schema=SCHEMA,
        )
        return encoded(table.replace_schema_metadata({NOTES: self.notes.model_dump_json()}))


def read_scored(data: bytes) -> tuple[pa.Table, Notes]:
    """Raise Malformed if the item isn't a scored one."""
    table = decoded(data)
    notes = notes_in(table.schema.metadata)
    if table.schema.remove_metadata() != SCHEMA:
        raise Malformed("a scored item has other columns")
    return table, notes


def notes_in(metadata: dict[bytes, bytes] | None) -> Notes:
    try:
        return Notes.model_validate_json((metadata or {})[NOTES])
    except (KeyError, ValueError) as error:
        raise Malformed(f"a scored item has no notes: {error}") from error
