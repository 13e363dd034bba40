"""Writes simulated readings into storage as Capture does, and their labels into a file."""

import json
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shared.storage import Storage
from workloads.readings.capture import capture_path, captured
from workloads.readings.simulator import KINDS, Hour, Simulator, events_of
from workloads.readings.windows import Window

HUB = "plants/pumps"
PARTITIONS = 4
#: Capture writes a file when this long has passed.
FILE_MINUTES = 5


class Simulated(NamedTuple):
    readings: int
    files: int
    anomalies: int


def simulate_into(
    storage: Storage, window: Window, devices: int, every: float, seed: int, labels: Path
) -> Simulated:
    simulator = Simulator(devices, every, seed)
    readings = files = anomalies = 0
    labels.parent.mkdir(parents=True, exist_ok=True)
    with labels.open("w") as out:
        for each in window.each_hour():
            hour = simulator.hour(each.start)
            files += write_hour(storage, simulator, hour)
            missing = hour.kinds == KINDS.index("missing") + 1
            readings += int((~missing).sum()) * hour.values.shape[1]
            for n in np.flatnonzero(hour.kinds):
                anomalies += 1
                out.write(json.dumps(label_of(simulator, hour, int(n))) + "\n")
    return Simulated(readings, files, anomalies)


def write_hour(storage: Storage, simulator: Simulator, hour: Hour) -> int:
    """Return how many files there are."""
    container = storage.container("readings")
    pending: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    files = 0
    for minute, bodies in events_of(simulator, hour):
        for partition in range(PARTITIONS):
            pending[partition] += bodies[partition::PARTITIONS]
        if (minute + 1) % FILE_MINUTES == 0:
            at = hour.start + timedelta(minutes=minute + 1 - FILE_MINUTES)
            for partition, events in enumerate(pending):
                if events:
                    name = capture_path(HUB, partition, at)
                    container.write(name, captured(events, at))
                    files += 1
            pending = [[] for _ in range(PARTITIONS)]
    return files


def label_of(simulator: Simulator, hour: Hour, device: int) -> dict[str, object]:
    """A device's anomaly: its kind, and the milliseconds after the hour of wrong readings."""
    wrong = hour.offsets[device][hour.labels[device]]
    return {
        "device": simulator.names[device],
        "hour": Window(hour.start).name,
        "kind": KINDS[hour.kinds[device] - 1],
        "first": int(wrong.min()) if len(wrong) else None,
        "last": int(wrong.max()) if len(wrong) else None,
        "readings": len(wrong),
    }
