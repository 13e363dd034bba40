"""Rounds of readings that are scored beside the videos: the same hour, again and again.

All must have the predictions of the round that nothing disturbed, row by row.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shared.arrivals import Arrivals, window_event
from shared.errors import ImpastoError, Missing
from shared.jobs import Jobs
from shared.records import Result
from shared.storage import Storage
from workloads.readings.rounds import Rounds
from workloads.readings.simulation import simulate_into
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window

DEVICES, TRAINING_HOURS = 60, 10
#: In the past for good, so that the trigger leaves it alone.
HOUR = Window.of("2026-06-02T12")


class RoundLoad:
    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._folder = folder
        self._jobs = Jobs(storage)
        self._arrivals = Arrivals(storage)
        self._rounds = Rounds(storage)
        #: By job, in the order in which they were announced; the first isn't disturbed.
        self._tasks: dict[str, Task] = {}

    def train(self) -> None:
        """Write readings, and learn a model for each device."""
        past = Window(HOUR.before(TRAINING_HOURS).start, TRAINING_HOURS)
        labels = self._folder / "labels.jsonl"
        simulate_into(self._storage, past._replace(hours=past.hours + 1), DEVICES, 60.0, 0, labels)
        outcome = self._rounds.wait(self._rounds.announce(Task(past, ONE_CLASS_SVM), again=False))
        if outcome["state"] != "finished":
            raise ImpastoError(f"no models although nothing disturbed the training: {outcome}")

    def keep_busy(self, rounds: int) -> None:
        for _ in range(rounds - len(self.unfinished())):
            task = Task(HOUR, number=len(self._tasks) + 1)
            self._tasks[self._rounds.announce(task, again=False)] = task

    def unfinished(self) -> list[str]:
        return [job for job in self._tasks if not self._jobs.ended(job)]

    def announce_lost_again(self) -> None:
        """Azurite may have lost what says that a round was announced."""
        readings = self._storage.container("readings")
        for task in self._tasks.values():
            self._arrivals.announce_new(window_event(readings, task.blob, 1))

    def results(self) -> dict[str, str | None]:
        """By job under faults, how it differs from the one that nothing disturbed; None: not."""
        undisturbed, *others = self._tasks
        expected = self._predictions(undisturbed)
        if not isinstance(expected, pa.Table):
            raise ImpastoError(f"not scored although nothing disturbed it: {expected}")
        return {job: difference(expected, self._predictions(job)) for job in others}

    def _predictions(self, job: str) -> pa.Table | str:
        """Or why there are none."""
        outcome = self._jobs.outcome(job)
        if not isinstance(outcome, Result):
            return f"{outcome.state}: {outcome.reason}" if outcome else "no outcome"
        path = self._folder / "predictions.parquet"
        try:
            name = f"{self._tasks[job].folder}.parquet"
            self._storage.container("predictions").download(name, path)
        except Missing:
            return "its predictions are gone"
        return pq.read_table(path)


def difference(expected: pa.Table, found: pa.Table | str) -> str | None:
    """The first row that differs, or what there is in place of rows."""
    if isinstance(found, str):
        return found
    if found.equals(expected):
        return None
    if found.num_rows != expected.num_rows:
        return f"{found.num_rows} rows, undisturbed {expected.num_rows}"
    rows = zip(found.to_pylist(), expected.to_pylist(), strict=True)
    number, (row, other) = next((n, pair) for n, pair in enumerate(rows) if pair[0] != pair[1])
    return f"row {number} is {row}, undisturbed {other}"
