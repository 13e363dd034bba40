"""Starts and cancels workers by the rules of start_policy, and logs how they end."""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.dispatcher import start_policy
from services.dispatcher.sizing import workers_to_start
from services.dispatcher.start_policy import (
    LONG_AGO,
    ClusterUnusable,
    Problem,
    failures_in_a_row,
    is_running,
    is_waiting,
)
from shared.clusters.backend import WorkerPool
from shared.clusters.events import WorkerFailed, WorkerLeft
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.errors import ClusterError
from shared.logs import logger

log = logger()


class Workforce:
    """Remembers only what it has logged, and since when the cluster has had a problem."""

    def __init__(
        self,
        pool: WorkerPool,
        settings: WorkerSettings,
        last_start: Callable[[], datetime | None],
        clock: Callable[[], datetime],
    ) -> None:
        """`last_start` returns when a worker last got to work."""
        self._pool = pool
        self._settings = settings
        self._last_start = last_start
        self._clock = clock
        self._workers: Sequence[WorkerState] = []
        self._failures: Sequence[WorkerState] = []
        self._logged_next_start = LONG_AGO
        self._problem: Problem | None = None
        #: How many workers the tasks could keep busy.
        self.needed = 0
        #: None until the first look: earlier ends aren't logged.
        self._logged_ends: set[str] | None = None

    @property
    def is_running(self) -> bool:
        return any(map(is_running, self._workers))

    @property
    def alive(self) -> int:
        """How many workers run or wait for a node."""
        return sum(not worker.ended for worker in self._workers)

    @property
    def waiting(self) -> list[WorkerState]:
        return [worker for worker in self._workers if is_waiting(worker)]

    @property
    def failures(self) -> int:
        """How many workers failed in a row, as of the last look."""
        return len(self._failures)

    def counts(self) -> dict[str, int]:
        """Nodes by state, as of the last look."""
        most, running = self._pool.nodes, sum(map(is_running, self._workers))
        return {
            "most": most,
            "wanted": min(most, self.needed),
            "running": running,
            "starting": len(self.waiting),
            "idle": max(0, most - running),
        }

    def refresh(self) -> ClusterUnusable | None:
        """Read what workers and cluster are doing; log what has changed."""
        settings = self._settings
        self._workers = self._pool.refresh()
        ended = [worker for worker in self._workers if worker.ended]
        self._log_ends(ended)
        why, now = self._pool.why_no_node(), self._clock()
        if why and (not self._problem or why != self._problem.why):
            log.warning("the cluster has no usable node", why=why)
        self._problem = start_policy.still(self._problem, why, now)
        failed = ended and ended[-1].failed
        self._failures = failures_in_a_row(self._workers, self._last_start()) if failed else []
        return start_policy.too_many_failures(
            self._workers, self._failures, settings.worker_tries
        ) or start_policy.no_node_came(self._workers, self._problem, now, settings.node_seconds)

    def start(self, needed: int) -> None:
        """Start workers until there are as many as needed, as far as nodes and failures allow."""
        missing = workers_to_start(needed, self._pool.nodes, self.alive)
        now, next_start = self._clock(), start_policy.next_start(self._failures)
        if missing and now < next_start != self._logged_next_start:
            self._logged_next_start = next_start
            log.warning("workers fail; delaying the next start", until=str(next_start))
        if ready := start_policy.may_start(missing, self._workers, self._failures, now):
            self._pool.start(ready)

    def cancel_waiting(self) -> None:
        for worker in self.waiting:
            self._pool.cancel(worker.name)
            log.info("worker cancelled: there is no work", worker=worker.name)

    def end_of_log(self, worker: str) -> str:
        try:
            return self._pool.end_of_log(worker)
        except ClusterError as error:
            return str(error)

    def _log_ends(self, ended: Sequence[WorkerState]) -> None:
        known = self._logged_ends
        for worker in ended:
            if known is None or worker.name in known:
                continue
            if worker.failed:
                end = self.end_of_log(worker.name)
                WorkerFailed(worker=worker.name, why=worker.why, log_end=end).log()
            else:
                WorkerLeft(worker=worker.name).log()
        self._logged_ends = {worker.name for worker in ended}
