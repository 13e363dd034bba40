"""The workers there are, brought to what the work wants; and what became of those that ended."""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.dispatcher import patience
from services.dispatcher.patience import LONG_AGO, Hopeless, Trouble, continued, failed_tries
from services.dispatcher.sizing import workers_to_start
from shared.clusters.backend import WorkerPool
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.errors import ClusterError
from shared.logs import logger

log = logger()


class Workforce:
    """All that is remembered here is what has been said, and since when there is trouble."""

    def __init__(
        self,
        pool: WorkerPool,
        settings: WorkerSettings,
        got_to_work: Callable[[], datetime | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._got_to_work = got_to_work
        self._clock = clock
        self._workers: Sequence[WorkerState] = []
        self._tries: Sequence[WorkerState] = []
        self._rest_said = LONG_AGO
        self._trouble: Trouble | None = None
        #: None until there was a first look: what ended before that is not news.
        self._endings_said: set[str] | None = None

    @property
    def at_work(self) -> bool:
        return any(map(patience.is_running, self._workers))

    @property
    def waiting(self) -> list[WorkerState]:
        return [worker for worker in self._workers if not worker.started and not worker.ended]

    def look(self) -> Hopeless | None:
        """See how they are, and whether there is hope."""
        settings = self._settings
        self._workers = self._pool.refresh()
        ended = [worker for worker in self._workers if worker.ended]
        self._say_endings(ended)
        why, now = self._pool.why_no_node(), self._clock()
        if why and (not self._trouble or why != self._trouble.why):
            log.warning("the cluster has trouble", why=why)
        self._trouble = continued(self._trouble, why, now)
        failed = ended and ended[-1].failed
        self._tries = failed_tries(self._workers, self._got_to_work()) if failed else []
        return patience.never_at_work(
            self._workers, self._tries, settings.worker_tries
        ) or patience.never_a_node(self._workers, self._trouble, now, settings.node_seconds)

    def grow(self, wanted: int) -> None:
        """As many as the work wants, as far as there may be so many."""
        alive = sum(not worker.ended for worker in self._workers)
        missing = workers_to_start(wanted, self._pool.nodes, alive)
        now, rest = self._clock(), patience.rest_until(self._tries)
        if missing and now < rest != self._rest_said:
            self._rest_said = rest
            log.warning("workers fail; the next waits", until=str(rest))
        if ready := patience.may_start(missing, self._workers, self._tries, now):
            self._pool.start(ready)

    def dismiss(self) -> None:
        """Those that wait for a node: there is nothing left for them to do."""
        for worker in self.waiting:
            self._pool.cancel(worker.name)
            log.info("worker no longer wanted", worker=worker.name)

    def end_of_log(self, worker: str) -> str:
        try:
            return self._pool.end_of_log(worker)
        except ClusterError as error:
            return str(error)

    def _say_endings(self, ended: Sequence[WorkerState]) -> None:
        known = self._endings_said
        for worker in ended:
            if known is None or worker.name in known:
                continue
            if worker.failed:
                words = self.end_of_log(worker.name)
                log.warning("worker failed", worker=worker.name, why=worker.why, log=words)
            else:
                log.info("worker left", worker=worker.name)
        self._endings_said = {worker.name for worker in ended}
