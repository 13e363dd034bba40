"""Groups readings by device with little memory: writes them to a few files, then sorts each."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from shared.errors import Refused
from workloads.readings.columns import Columns

READING = np.dtype([("device", "<i4"), ("time", "<i8"), ("value", "<f8")])
#: Bytes of a part, which is sorted in memory.
PART_BYTES = 32 << 20
MOST_PARTS = 256
MOST_DEVICES = 5_000_000


class Group(NamedTuple):
    """The readings of some devices, by device and then by time, without repeated ones."""

    columns: Columns
    #: Where each device's readings begin, and their number at the end.
    starts: NDArray[np.int64]
    repeated: int

    def cut(self, first: int, stop: int) -> Columns:
        """The readings of the devices from `first` on, without `stop`."""
        rows = slice(self.starts[first], self.starts[stop])
        _, codes, times, values = self.columns
        devices = self.columns.devices[first:stop]
        return Columns(devices, codes[rows] - np.int32(first), times[rows], values[rows])


class Grouping:
    """Takes readings in any order, and gives groups of devices. A device is in one of them."""

    def __init__(self, folder: Path, expected_bytes: int) -> None:
        self._parts = max(1, min(MOST_PARTS, -(-expected_bytes // PART_BYTES)))
        self._folder = folder
        self._files: list[BinaryIO] = []
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._part_of = np.zeros(1024, np.int16)

    def __enter__(self) -> "Grouping":
        self._files = [(self._folder / f"part-{n}").open("w+b") for n in range(self._parts)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()
            Path(file.name).unlink()

    def add(self, columns: Columns) -> None:
        ids = np.array([self._id_of(name) for name in columns.devices], np.int32)
        rows = np.empty(len(columns.codes), READING)
        rows["device"] = ids[columns.codes]
        rows["time"] = columns.times
        rows["value"] = columns.values
        if self._parts == 1:
            self._files[0].write(rows.tobytes())
            return
        parts = self._part_of[rows["device"]]
        order = np.argsort(parts, kind="stable")
        rows = rows[order]
        bounds = np.searchsorted(parts[order], np.arange(self._parts + 1))
        for part, (first, stop) in enumerate(pairwise(bounds)):
            if first < stop:
                self._files[part].write(rows[first:stop].tobytes())

    def groups(self) -> Iterator[Group]:
        names = np.array(self._names, object)
        for file in self._files:
            file.seek(0)
            rows = np.frombuffer(file.read(), READING)
            if len(rows):
                yield grouped(rows, names)

    def _id_of(self, name: str) -> int:
        found = self._ids.get(name)
        if found is not None:
            return found
        number = self._ids[name] = len(self._names)
        self._names.append(name)
        if number >= MOST_DEVICES:
            raise Refused(f"there are over {MOST_DEVICES:,} devices")
        if number >= len(self._part_of):
            self._part_of = np.concatenate([self._part_of, np.zeros_like(self._part_of)])
        self._part_of[number] = hash_of(name) % self._parts
        return number


def hash_of(device: str) -> int:
    return crc32(device.encode())


def grouped(rows: NDArray[Any], names: NDArray[Any]) -> Group:
    """Sort by device, time and value; the order in which they came makes no difference."""
    ids, numbers = np.unique(rows["device"], return_inverse=True)
    by_name = np.argsort(names[ids])
    rank = np.empty(len(ids), np.int32)
    rank[by_name] = np.arange(len(ids), dtype=np.int32)
    codes = rank[numbers]
    order = np.lexsort((rows["value"], rows["time"], codes))
    codes, times, values = codes[order], rows["time"][order], rows["value"][order]
    same = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1]) & (values[1:] == values[:-1])
    keep = np.concatenate([[True], ~same])
    codes, times, values = codes[keep], times[keep], values[keep]
    starts = np.searchsorted(codes, np.arange(len(ids) + 1))
    return Group(Columns(list(names[ids[by_name]]), codes, times, values), starts, int(same.sum()))
