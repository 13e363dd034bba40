"""Workers as jobs with numbered names, such as `worker-0001`.

Numbers continue from the highest that exists. Two dispatchers that start a worker at the same time
choose the same name, so that only one of them creates the job.
"""

from collections.abc import Callable, Iterable, Sequence

from shared.clusters.events import WorkerAskedFor
from shared.clusters.state import ClusterJob, WorkerState


class NumberedJobs:
    def __init__(
        self,
        prefix: str,
        create: Callable[[str], bool],
        delete: Callable[[str], None],
        keep_ended: int,
    ) -> None:
        """`create` returns whether the job is new; `delete` is only called for ended jobs."""
        self._prefix = prefix
        self._create = create
        self._delete = delete
        self._keep_ended = keep_ended
        self._last_number = 0
        self._reserved = 0
        self._ended: list[str] = []

    def reserve(self, names: Iterable[str]) -> None:
        """Don't use the numbers of these jobs, which the service no longer lists."""
        self._reserved = max([self._reserved, *map(self._number, names)])

    def update(self, jobs: Sequence[ClusterJob]) -> list[WorkerState]:
        """Take note of the jobs that the service lists; returns the workers among them."""
        ours = sorted((job for job in jobs if self._number(job.name)), key=self._number_of)
        self._last_number = max(self._reserved, self._number_of(ours[-1]) if ours else 0)
        self._ended = [job.name for job in ours if job.over]
        return [worker(job) for job in ours if not cancelled(job)]

    def start(self, workers: int) -> None:
        for _ in range(workers):
            self._last_number += 1
            name = f"{self._prefix}-{self._last_number:04}"
            if self._create(name):
                WorkerAskedFor(worker=name).log()

    def delete_old(self) -> None:
        while len(self._ended) > self._keep_ended:
            self._delete(self._ended.pop(0))

    def _number_of(self, job: ClusterJob) -> int:
        return self._number(job.name)

    def _number(self, name: str) -> int:
        """0 if the job isn't one of our workers."""
        prefix, _, number = name.rpartition("-")
        return int(number) if prefix == self._prefix and number.isdecimal() else 0


def cancelled(job: ClusterJob) -> bool:
    """Whether it was stopped before it had a node."""
    return job.state == "stopped" and job.started is None


def worker(job: ClusterJob) -> WorkerState:
    return WorkerState(
        name=job.name,
        asked=job.created,
        started=job.started,
        ended=job.ended,
        failed=job.state == "failed",
        why=job.why,
    )
