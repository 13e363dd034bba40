"""The workers there are, brought to what the work wants; and what became of those that ended."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.dispatcher.cluster import Cluster, WorkerState
from services.dispatcher.patience import (
    LONG_AGO,
    Hopeless,
    failed_tries,
    may_start,
    never_a_node,
    never_at_work,
    rest_until,
)
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.sizing import workers_to_start
from shared.logs import logger

log = logger()


class Workforce:
    """Only what has been said of them is remembered here, so as not to say it twice."""

    def __init__(self, cluster: Cluster, settings: DispatcherSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._workers: Sequence[WorkerState] = []
        self._rest_said = LONG_AGO
        self._trouble_said: str | None = None
        #: None until there was a first look: what ended before that is not news.
        self._endings_said: set[str] | None = None

    def look(self) -> Hopeless | None:
        """See how they are; and whether there is no hope of any at work."""
        self._workers = self._cluster.workers()
        trouble = self._cluster.trouble()
        if trouble and trouble != self._trouble_said:
            log.warning("the cluster has trouble", why=trouble)
        self._trouble_said = trouble
        self._say_endings([worker for worker in self._workers if worker.ended])
        return never_at_work(self._workers, self._settings.worker_tries) or never_a_node(
            self._workers, trouble, datetime.now(UTC), self._settings.node_seconds
        )

    def grow(self, outstanding: int) -> None:
        """As many as the work wants."""
        alive = sum(not worker.ended for worker in self._workers)
        missing = workers_to_start(outstanding, self._cluster.nodes, alive)
        if not missing:
            return
        now = datetime.now(UTC)
        rest = rest_until(failed_tries(self._workers))
        if now < rest != self._rest_said:
            self._rest_said = rest
            log.warning("workers fail at once; the next waits", until=str(rest))
        if ready := may_start(missing, self._workers, now):
            self._cluster.start(ready)

    def _say_endings(self, ended: Sequence[WorkerState]) -> None:
        known = self._endings_said
        for worker in ended:
            if known is None or worker.name in known:
                continue
            if worker.failed:
                words = self._cluster.last_words(worker.name)
                log.warning("worker failed", worker=worker.name, why=worker.why, log=words)
            else:
                log.info("worker left", worker=worker.name)
        self._endings_said = {worker.name for worker in ended}
