"""What the pages show of queues and of the cluster, now and over the last hour."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from shared.clusters.state import ClusterView, ReplicasView
from shared.clusters.table import chosen
from shared.errors import ImpastoError
from shared.settings import Settings
from shared.storage import LANES, QUEUES, Storage
from shared.telemetry.prices import NODE_HOUR

AT_A_TIME = 4
HISTORY_SECONDS = 3600.0
#: What the lanes are called together.
WAITING = "waiting"


class QueueState(NamedTuple):
    name: str
    messages: int
    #: The age of its oldest message that waits.
    oldest_seconds: float
    poison: int


class ClusterNow(NamedTuple):
    view: ClusterView | ReplicasView | None
    #: Why there is none.
    why: str = ""

    @property
    def nodes(self) -> int:
        return self.view.cluster.nodes if isinstance(self.view, ClusterView) else 0

    @property
    def busy(self) -> int:
        return self.view.cluster.running if isinstance(self.view, ClusterView) else 0

    @property
    def dollars_an_hour(self) -> float:
        return self.nodes * NODE_HOUR


class Sample(NamedTuple):
    at: datetime
    queues: Sequence[QueueState]
    cluster: ClusterNow


class Measures:
    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings
        self.history: deque[Sample] = deque()

    def take(self) -> Sample:
        """Two requests for each queue, a third where messages wait, and a few to the cluster."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            queues = summed(list(pool.map(self._queue, QUEUES)))
        sample = Sample(datetime.now(UTC), queues, self._cluster())
        self.history.append(sample)
        while (sample.at - self.history[0].at).total_seconds() > HISTORY_SECONDS:
            self.history.popleft()
        return sample

    def series(self, value: Callable[[Sample], float]) -> list[tuple[datetime, float]]:
        return [(sample.at, value(sample)) for sample in self.history]

    def _queue(self, name: str) -> QueueState:
        queue = self._storage.queue(name)
        count = queue.count()
        first = queue.peek(1) if count else []
        age = (datetime.now(UTC) - first[0].inserted).total_seconds() if first else 0.0
        return QueueState(name, count, max(0.0, age), self._storage.poison(name).count())

    def _cluster(self) -> ClusterNow:
        try:
            return ClusterNow(chosen().view(Path(), self._settings))
        except (ImpastoError, OSError) as error:
            return ClusterNow(None, str(error))


def summed(queues: Sequence[QueueState]) -> list[QueueState]:
    """The lanes of waiting jobs as one queue."""
    lanes = [queue for queue in queues if queue.name in LANES]
    together = QueueState(
        WAITING,
        sum(lane.messages for lane in lanes),
        max((lane.oldest_seconds for lane in lanes), default=0.0),
        sum(lane.poison for lane in lanes),
    )
    order = {name: place for place, name in enumerate(QUEUES)}
    rest = [queue for queue in queues if queue.name not in LANES]
    first = [queue for queue in rest if order[queue.name] < order[LANES[0]]]
    return [*first, together, *rest[len(first) :]]
