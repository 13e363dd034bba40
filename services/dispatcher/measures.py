"""What the dispatcher measures of the whole system, whenever metrics are asked for."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from services.dispatcher.workforce import Workforce
from shared.blobs import Blob
from shared.jobs import Jobs
from shared.storage import LANES, QUEUES, Storage
from shared.telemetry.metrics import Measured

HELP = {
    "impasto_queue_messages": "Messages of a queue, those in flight included.",
    "impasto_queue_oldest_seconds": "Age of the oldest message that waits in a queue.",
    "impasto_poison_messages": "Messages of a queue that could not be handled.",
    "impasto_nodes": "Nodes: the most there may be, and how many are wanted, running or idle.",
    "impasto_worker_failures": "Workers that failed in a row, since one last got to work.",
    "impasto_jobs": "Jobs that have no outcome yet, by whether they have begun.",
    "impasto_job_idle_seconds": "How long the job under way that stands still longest has done so.",
    "impasto_intermediate_bytes": "Size of what jobs under way, and failed ones, have in storage.",
}
#: How long a measurement is shown again: queues are cheap to ask, listings are not.
QUEUE_SECONDS, LISTING_SECONDS = 15.0, 60.0
INTERMEDIATES = ("shards", "scored", "segments")


class Again:
    """Measures at most once in so many seconds."""

    def __init__(self, seconds: float, measure: Callable[[], Iterable[Measured]]) -> None:
        self._seconds, self._measure = seconds, measure
        self._next = 0.0
        self._last: list[Measured] = []

    def __call__(self) -> list[Measured]:
        now = time.monotonic()
        if now >= self._next:
            self._last = list(self._measure())
            self._next = now + self._seconds
        return self._last


class Measures:
    def __init__(
        self, storage: Storage, workforce: Workforce, clock: Callable[[], datetime]
    ) -> None:
        self._clock = clock
        self._storage = storage
        self._jobs = Jobs(storage)
        self._workforce = workforce
        self._queues = Again(QUEUE_SECONDS, self._measure_queues)
        self._listings = Again(LISTING_SECONDS, self._measure_jobs)

    def __call__(self) -> Iterator[Measured]:
        yield from self._queues()
        yield from self._listings()
        for state, count in self._workforce.counts().items():
            yield "impasto_nodes", {"state": state}, count
        yield "impasto_worker_failures", {}, self._workforce.failures

    def _measure_queues(self) -> Iterator[Measured]:
        waiting = 0
        for name in QUEUES:
            queue = self._storage.queue(name)
            count, first = queue.count(), queue.peek(1)
            age = (self._clock() - first[0].inserted).total_seconds() if first else 0.0
            yield "impasto_queue_messages", {"queue": name}, count
            yield "impasto_queue_oldest_seconds", {"queue": name}, max(0.0, age)
            poison = self._storage.poison(name).count()
            yield "impasto_poison_messages", {"queue": name}, poison
            waiting += count if name in LANES else 0
        yield "impasto_jobs", {"state": "waiting"}, waiting

    def _measure_jobs(self) -> Iterator[Measured]:
        last_step: dict[str, datetime] = {}
        for name in INTERMEDIATES:
            blobs = self._storage.container(name).under()
            yield "impasto_intermediate_bytes", {"container": name}, sum(b.size for b in blobs)
            for blob in blobs:
                job = job_of(blob)
                last_step[job] = max(blob.modified, last_step.get(job, blob.modified))
        # A failed job keeps its intermediates.
        under_way = {job: at for job, at in last_step.items() if not self._jobs.ended(job)}
        yield "impasto_jobs", {"state": "under way"}, len(under_way)
        stands_since = min(under_way.values(), default=None)
        idle = (self._clock() - stands_since).total_seconds() if stands_since else 0.0
        yield "impasto_job_idle_seconds", {}, max(0.0, idle)


def job_of(blob: Blob) -> str:
    return blob.name.partition("/")[0]
