"""What a person does with rounds: starts, awaits, lists and reads them."""

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from shared.arrivals import Arrivals, window_event
from shared.errors import Missing
from shared.jobs import Jobs
from shared.storage import Storage
from workloads.readings.scored import SCHEMA
from workloads.readings.summary import Summary
from workloads.readings.windows import ReadingsFiles, Task, Window, window_of_folder

LOOK_SECONDS = 0.5


class DeviceInRound(NamedTuple):
    device: str
    readings: int
    anomalies: int
    #: Its highest.
    score: float


class Rounds:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._readings = storage.container("readings")
        self._predictions = storage.container("predictions")

    def announce(self, task: Task, again: bool) -> str:
        """Announce the job and return its id. It is done once, or once more with `again`."""
        arrivals = Arrivals(self._storage)
        size = sum(blob.size for blob in ReadingsFiles(self._readings).arrived_in(task.window))
        while True:
            event = window_event(self._readings, task.blob, size)
            if arrivals.announce_new(event) or not again:
                return event.job
            task = task._replace(number=task.number + 1)

    def wait(self, job: str) -> dict[str, Any]:
        jobs = Jobs(self._storage)
        while (outcome := jobs.outcome(job)) is None:
            time.sleep(LOOK_SECONDS)
        return outcome.model_dump(mode="json")

    def all(self) -> list[Summary]:
        """The summaries of all rounds, the newest first."""
        found = [blob.name for blob in self._predictions.under() if is_summary(blob.name)]
        return [
            Summary.model_validate_json(self._predictions.read(name))
            for name in sorted(found, reverse=True)
        ]

    def newest_summaries(
        self, most: int, known: Mapping[tuple[str, str], Summary]
    ) -> dict[tuple[str, str], Summary]:
        """The newest rounds' by blob and ETag; those that are known aren't read again."""
        found = [blob for blob in self._predictions.under() if is_summary(blob.name)]
        newest = sorted(found, key=lambda blob: blob.name, reverse=True)[:most]
        return {
            (blob.name, blob.etag): known.get((blob.name, blob.etag))
            or Summary.model_validate_json(self._predictions.read(blob.name))
            for blob in newest
        }

    def newest(self) -> Window:
        """Raise Missing if no round is done."""
        found = [blob.name for blob in self._predictions.under() if is_summary(blob.name)]
        if not found:
            raise Missing("no round is done")
        window = window_of_folder(max(found).removesuffix(".json"))
        assert window
        return window

    def summary(self, window: Window) -> Summary:
        """The newest summary of an hour. Raise Missing if there is none."""
        return Summary.model_validate_json(self._predictions.read(self._newest_of(window, ".json")))

    def rows_of(self, device: str, window: Window) -> pa.Table:
        """A device's predictions. Raise Missing if there are none."""
        parts = []
        with TemporaryDirectory(prefix="impasto-plot-") as folder:
            path = Path(folder) / "predictions.parquet"
            for hour in window.each_hour():
                try:
                    self._predictions.download(self._newest_of(hour, ".parquet"), path)
                except Missing:
                    continue
                parts.append(pq.read_table(path, filters=[("device", "==", device)]))
        table = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
        if not table.num_rows:
            raise Missing(f"there are no predictions for {device} in that time")
        return table.sort_by("time")

    def devices(self, window: Window) -> list[DeviceInRound]:
        """All devices of an hour, those with the most anomalies first. Raise Missing without it."""
        with TemporaryDirectory(prefix="impasto-round-") as folder:
            path = Path(folder) / "predictions.parquet"
            self._predictions.download(self._newest_of(window, ".parquet"), path)
            table = pq.read_table(path, columns=["device", "score", "anomaly"])
        counted = table.append_column("wrong", table.column("anomaly").cast(pa.int64()))
        wanted: list[tuple[str, str]] = [("anomaly", "count"), ("wrong", "sum"), ("score", "max")]
        grouped = counted.group_by("device").aggregate(wanted)
        names = ("device", "anomaly_count", "wrong_sum", "score_max")
        columns = [grouped.column(name).to_pylist() for name in names]
        found = [DeviceInRound(*row) for row in zip(*columns, strict=True)]
        return sorted(found, key=lambda each: (-each.anomalies, -each.score, each.device))

    def _newest_of(self, window: Window, suffix: str) -> str:
        """The output of the last time that the hour was scored."""
        folder = Task(window).folder
        found = [
            blob.name
            for blob in self._predictions.under(folder)
            if window_of_folder(blob.name.removesuffix(suffix)) == window
            and blob.name.endswith(suffix)
        ]
        if not found:
            raise Missing(f"the round of {window.name} isn't done")
        return max(found, key=lambda name: (len(name), name))


def is_summary(name: str) -> bool:
    return name.endswith(".json") and window_of_folder(name.removesuffix(".json")) is not None
