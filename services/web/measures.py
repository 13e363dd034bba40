"""What the pages show of queues and of the cluster, now and over the last hour."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from shared.clusters.state import ClusterView, ReplicasView
from shared.clusters.table import chosen
from shared.errors import ImpastoError, Missing
from shared.settings import Settings
from shared.storage import LANES, QUEUES, Storage
from shared.telemetry.prices import NODE_HOUR

AT_A_TIME = 4
HISTORY_SECONDS = 3600.0
#: Where the last hour is kept, in `logs`, so that a restart doesn't lose it; and how often.
KEPT, KEEP_SECONDS = "page/last-hour.json", 600.0
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


class Point(NamedTuple):
    """What the plots need of a sample."""

    at: datetime
    queues: list[QueueState]
    nodes: int


POINTS = TypeAdapter(list[Point])


class Measures:
    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings
        self._kept = storage.container("logs")
        self._kept_at: datetime | None = None
        self.history: deque[Point] = deque()

    def take(self) -> Sample:
        """Two requests for each queue, a third where messages wait, and a few to the cluster."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            queues = summed(list(pool.map(self._queue, QUEUES)))
        sample = Sample(datetime.now(UTC), queues, self._cluster())
        self._add(Point(sample.at, list(queues), sample.cluster.nodes))
        return sample

    def _add(self, point: Point) -> None:
        if self._kept_at is None:
            self.recall()
            self._kept_at = point.at
        self.history.append(point)
        while (point.at - self.history[0].at).total_seconds() > HISTORY_SECONDS:
            self.history.popleft()
        if (point.at - self._kept_at).total_seconds() > KEEP_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Write the last hour down: one request, every ten minutes and when the service leaves."""
        if self.history:
            self._kept_at = self.history[-1].at
            self._kept.write(KEPT, POINTS.dump_json(list(self.history)))

    def recall(self) -> None:
        """Read what was kept; nothing, if that is of another version."""
        with suppress(Missing, ValueError):
            kept = POINTS.validate_json(self._kept.read(KEPT))
            self.history = deque(sorted([*kept, *self.history], key=lambda point: point.at))

    def series(self, value: Callable[[Point], float]) -> list[tuple[datetime, float]]:
        return [(point.at, value(point)) for point in self.history]

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
