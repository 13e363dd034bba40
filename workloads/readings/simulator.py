"""Simulates devices: what Capture would write of their readings, and labels of what is wrong.

Each device has a level, a daily swing, and noise of its own. Some hours of some devices have an
anomaly: spikes, a drift, a stuck sensor, or no readings at all.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workloads.readings.features import Floats

KINDS = ("spikes", "drift", "stuck", "missing")
#: The share of device-hours with an anomaly.
ANOMALIES = 0.02
#: Seconds of readings in one event. A device that sends more often sends them together.
EVENT_SECONDS = 60


class Hour(NamedTuple):
    """What all devices sent in an hour: [devices, readings]; `kinds` is an index + 1, or 0."""

    start: datetime
    offsets: NDArray[np.int64]  # milliseconds after the start, [devices, readings]
    values: Floats
    labels: NDArray[np.bool_]
    kinds: NDArray[np.int8]  # [devices]


class Simulator:
    def __init__(self, devices: int, every: float = 60.0, seed: int = 0) -> None:
        self.names = [f"plant-{n % 10}/pump-{n:05}" for n in range(devices)]
        self.every = every
        self._seed = seed
        rng = np.random.default_rng(seed)
        self._level = rng.uniform(20, 80, devices)
        self._swing = rng.uniform(1, 8, devices)
        self._phase = rng.uniform(0, 2 * np.pi, devices)
        self._noise = rng.uniform(0.1, 0.6, devices)
        self._shift = rng.integers(0, max(1, int(every * 1000)), devices)

    def hour(self, start: datetime, anomalies: float = ANOMALIES) -> Hour:
        """The same hour always has the same readings."""
        devices, count = len(self.names), max(1, int(3600 / self.every))
        rng = np.random.default_rng([self._seed, int(start.timestamp()) // 3600])
        offsets = (np.arange(count) * self.every * 1000).astype(np.int64) + self._shift[:, None]
        seconds = start.timestamp() % 86_400 + offsets / 1000
        angle = seconds * (2 * np.pi / 86_400) + self._phase[:, None]
        values = self._level[:, None] + self._swing[:, None] * np.sin(angle)
        noise = self._noise[:, None]
        values += noise * rng.standard_normal((devices, count), dtype=np.float32)
        kinds = np.zeros(devices, np.int8)
        hit = rng.random(devices) < anomalies
        kinds[hit] = rng.integers(1, len(KINDS) + 1, int(hit.sum()))
        labels = np.zeros((devices, count), bool)
        for n in np.flatnonzero(kinds):
            self._spoil(KINDS[kinds[n] - 1], values[n], labels[n], float(self._noise[n]), rng)
        return Hour(start, offsets, np.round(values, 3), labels, kinds)

    def _spoil(
        self,
        kind: str,
        values: Floats,
        labels: NDArray[np.bool_],
        noise: float,
        rng: np.random.Generator,
    ) -> None:
        count = len(values)
        first = int(rng.integers(0, max(1, count // 2)))
        if kind == "spikes":
            at = rng.integers(0, count, 3)
            values[at] += rng.choice([-1, 1], 3) * rng.uniform(8, 20, 3) * noise
            labels[at] = True
        elif kind == "drift":
            values[first:] += np.linspace(0, rng.uniform(10, 30) * noise, count - first)
            labels[first:] = True
        elif kind == "stuck":
            values[first:] = values[first]
            labels[first + 1 :] = True


def events_of(simulator: Simulator, hour: Hour) -> Iterator[tuple[int, list[bytes]]]:
    """Each minute's event bodies; a device that sends many readings a minute sends one event."""
    here = np.flatnonzero(hour.kinds != KINDS.index("missing") + 1)
    names = pa.array([simulator.names[n] for n in here])
    count = hour.values.shape[1]
    # All devices have the same number of readings in a minute, but each its own times.
    bounds = np.searchsorted(np.arange(count) * simulator.every, np.arange(61) * EVENT_SECONDS)
    for number, (first, stop) in enumerate(pairwise(bounds)):
        columns = slice(int(first), int(stop))
        events: list[bytes] = []
        if first < stop:
            events = bodies(
                names, hour.start, hour.offsets[here, columns], hour.values[here, columns]
            )
        yield number, events


def bodies(
    names: pa.Array, start: datetime, offsets: NDArray[np.int64], values: Floats
) -> list[bytes]:
    """One body for each device: a reading as JSON, or a list of them."""
    devices, count = values.shape
    base = int(start.timestamp() * 1000)
    times = pa.array((base + offsets).ravel()).cast(pa.timestamp("ms"))
    stamps = pc.strftime(times, "%Y-%m-%dT%H:%M:%SZ")
    repeated = names.take(pa.array(np.repeat(np.arange(devices), count)))
    written = pa.array(values.ravel()).cast(pa.string())
    rows = pc.binary_join_element_wise(
        '{"device":"', repeated, '","time":"', stamps, '","value":', written, "}", ""
    )
    if count == 1:
        return [row.encode() for row in rows.to_pylist()]
    lists = pa.ListArray.from_arrays(np.arange(devices + 1, dtype=np.int32) * count, rows)
    return [f"[{row}]".encode() for row in pc.binary_join(lists, ",").to_pylist()]


def hours_before(stop: datetime, hours: int) -> list[datetime]:
    return [stop - timedelta(hours=n) for n in range(hours, 0, -1)]
