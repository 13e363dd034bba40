"""Our way in one process, without storage and sandbox: from files of readings to all outputs."""

import io
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from workloads.readings.bundles import bundle_of
from workloads.readings.capture import captured
from workloads.readings.columns import Bounds, clean
from workloads.readings.device_models import Chosen, DeviceModels
from workloads.readings.features import SECOND
from workloads.readings.formats import Damage, parts_of
from workloads.readings.grouping import READING, Grouping
from workloads.readings.model_listing import Entry, blob_of
from workloads.readings.prediction_files import csv_file, csv_rows, parquet_file
from workloads.readings.scored import read_scored
from workloads.readings.scoring import RoundScorer
from workloads.readings.shard import Shard, decoded
from workloads.readings.simulator import Simulator, events_of
from workloads.readings.splitting import cuts
from workloads.readings.svm import OneClassSvm
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window

FIELDS = ("device", "time", "value")
SHARD_BYTES = 4 << 20


class Cost(NamedTuple):
    """Seconds of each stage, of processor time."""

    read: float
    group: float
    models: float
    score: float
    write: float

    @property
    def total(self) -> float:
        return sum(self)


class ModelsOfBundle(DeviceModels):
    """Models that are loaded from one bundle, each time anew."""

    def __init__(self, bundle: bytes) -> None:
        self._bundle = bundle
        self.seconds = 0.0

    def choose(self, devices: object) -> dict[str, Chosen]:
        began = time.process_time()
        table = decoded(self._bundle)
        entry = Entry("", ONE_CLASS_SVM, "1", "", "", "", 0.0)
        found = {
            name: Chosen(entry, OneClassSvm.load(data))
            for name, data in zip(
                table.column("device").to_pylist(), table.column("model").to_pylist(), strict=True
            )
        }
        self.seconds += time.process_time() - began
        return found


def bundle_for(names: list[str], models: list[OneClassSvm]) -> bytes:
    """Each model in turn for these devices."""
    data = [model.save() for model in models]
    rows = {
        "device": names,
        "model": pa.array([data[n % len(data)] for n in range(len(names))], pa.binary()),
    }
    assert blob_of(names[0])
    return bundle_of(pa.RecordBatch.from_pydict(rows))


def avro_files(simulator: Simulator, window: Window) -> list[bytes]:
    """A file of Capture for each five minutes."""
    hour = simulator.hour(window.start, 0.0)
    files: list[bytes] = []
    events: list[bytes] = []
    for minute, bodies in events_of(simulator, hour):
        events += bodies
        if minute % 5 == 4:
            files.append(captured(events, window.start))
            events = []
    return files


def csv_files(simulator: Simulator, window: Window) -> list[bytes]:
    """One file, in the order of time, as Stream Analytics writes it."""
    hour = simulator.hour(window.start, 0.0)
    order = np.argsort(hour.offsets.ravel(), kind="stable")
    devices = np.repeat(np.array(simulator.names), hour.offsets.shape[1])[order]
    start = round(window.start.timestamp() * 1000)
    times = pa.array(start + hour.offsets.ravel()[order]).cast(pa.timestamp("ms"))
    text = pc.binary_join_element_wise(times.cast(pa.string()), "Z", "")
    rows = pa.table([pa.array(devices), text, hour.values.ravel()[order]], names=list(FIELDS))
    out = io.BytesIO()
    pa.csv.write_csv(rows, out, pa.csv.WriteOptions(quoting_style="needed"))
    return [out.getvalue()]


FILES = {"avro": avro_files, "csv": csv_files}


def score_hour(
    kind: str, files: list[bytes], names: list[str], bundle: bytes, window: Window
) -> Cost:
    """Models are loaded for each shard: each is of its own devices, in a part of the bundle."""
    start = round(window.start.timestamp()) * SECOND
    bounds = Bounds(start, start + 2 * 3600 * SECOND)
    times = [time.process_time()]
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as scratch:
        folder = Path(scratch)
        with Grouping(folder, sum(map(len, files)) // 3) as grouping:
            for data in files:
                for part in parts_of(f"x.{kind}", io.BytesIO(data), FIELDS):
                    assert not isinstance(part, Damage)
                    grouping.add(clean(part, 0, bounds, 10).good)
            times.append(time.process_time())
            shards = [
                Shard(Task(window), group.cut(first, stop)).encode()
                for group in grouping.groups()
                for first, stop in cuts(group.starts * READING.itemsize, SHARD_BYTES)
            ]
        times.append(time.process_time())
        models = ModelsOfBundle(bundle)
        chosen = models.choose(names)
        models.choose = lambda devices: chosen  # type: ignore[method-assign]
        scorer = RoundScorer(models)
        scored = [
            scorer.encode(value)
            for shard in shards
            for value in scorer.score([scorer.decode(shard)])
        ]
        times.append(time.process_time())
        with (
            parquet_file(folder / "out.parquet") as parquet,
            csv_file(folder / "out.csv") as csv,
        ):
            for item in scored:
                table, _ = read_scored(item)
                parquet.write_table(table)
                csv.write_table(csv_rows(table))
    times.append(time.process_time())
    read, group, score, write = (b - a for a, b in pairwise(times))
    return Cost(read, group, models.seconds, score - models.seconds, write)
