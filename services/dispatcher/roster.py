"""Workers as the numbered jobs of a service.

Who is at work is never remembered here, but read from the service. Jobs are numbered on from the
highest there is: two dispatchers that start the same worker at the same time collide in its name,
and there is one.
"""

from collections.abc import Callable, Iterable, Sequence

from services.dispatcher.cluster import WorkerState
from shared.clusters import JobState
from shared.logs import logger

log = logger()


class Roster:
    def __init__(
        self,
        prefix: str,
        create: Callable[[str], bool],
        delete: Callable[[str], None],
        keep_ended: int,
    ) -> None:
        """`create` says whether there was no such job yet; `delete` takes one that has ended."""
        self._prefix = prefix
        self._create = create
        self._delete = delete
        self._keep_ended = keep_ended
        self._last_number = 0
        self._taken = 0

    def skip(self, names: Iterable[str]) -> None:
        """Numbers go on after these, too, which the service doesn't list any more."""
        self._taken = max([self._taken, *map(self._number, names)])

    def of(self, jobs: Sequence[JobState]) -> list[WorkerState]:
        """The workers among a service's jobs; the oldest that have ended are tidied away."""
        ours = sorted((job for job in jobs if self._of(job)), key=self._of)
        self._last_number = max(self._taken, self._of(ours[-1]) if ours else 0)
        for job in [job for job in ours if job.over][: -self._keep_ended]:
            self._delete(job.name)
        return [worker(job) for job in ours if not dismissed(job)]

    def start(self, workers: int) -> None:
        for _ in range(workers):
            self._last_number += 1
            name = f"{self._prefix}-{self._last_number:04}"
            if self._create(name):
                log.info("worker asked for", worker=name)

    def _of(self, job: JobState) -> int:
        return self._number(job.name)

    def _number(self, name: str) -> int:
        """0 for a job that is no worker of ours."""
        prefix, _, number = name.rpartition("-")
        return int(number) if prefix == self._prefix and number.isdecimal() else 0


def dismissed(job: JobState) -> bool:
    """Stopped before it had a node: as if it had never been asked for."""
    return job.state == "stopped" and job.started is None


def worker(job: JobState) -> WorkerState:
    return WorkerState(
        name=job.name,
        asked=job.created,
        started=job.started,
        ended=job.ended,
        failed=job.state == "failed",
        why=job.why,
    )
