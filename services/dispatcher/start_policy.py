"""When to start workers again that fail, and when to give up on the cluster. Pure functions."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.clusters.state import WorkerState

#: The next worker starts at once after fewer failures than these.
TOLERATED_FAILURES = 3
LONGEST_DELAY = 60.0
#: How much the clocks of storage and of the cluster may differ.
CLOCK_DIFFERENCE = timedelta(seconds=2)
#: A queue rounds the time of a message down to this.
QUEUE_CLOCK = timedelta(seconds=1)
LONG_AGO = datetime.fromtimestamp(0, UTC)


class ClusterUnusable(NamedTuple):
    """Why no worker gets to work, and when the cluster last had the chance to run one."""

    why: str
    last_try: datetime
    worker: str | None = None

    def tried_since(self, sent: datetime) -> bool:
        """Whether the cluster had its last chance after a message was sent."""
        return sent + QUEUE_CLOCK < self.last_try


class Problem(NamedTuple):
    """What keeps workers from starting, and since when it has done so without a break."""

    why: str
    since: datetime


def still(problem: Problem | None, why: str | None, now: datetime) -> Problem | None:
    """The problem after one more look at the cluster, which found this reason or none."""
    if why is None:
        return None
    return Problem(why, problem.since if problem else now)


def failures_in_a_row(
    workers: Sequence[WorkerState], last_start: datetime | None
) -> list[WorkerState]:
    """The failures since a worker last got to work, newest first.

    Of workers that failed side by side, one is counted.
    """
    since = (last_start or LONG_AGO) + CLOCK_DIFFERENCE
    ended = [worker for worker in reversed(workers) if worker.ended]
    failures: list[WorkerState] = []
    for worker in itertools.takewhile(lambda worker: worker.failed and worker.asked > since, ended):
        if not failures or (worker.ended and worker.ended <= failures[-1].asked):
            failures.append(worker)
    return failures


def next_start(failures: Sequence[WorkerState]) -> datetime:
    """When the next worker may start: the delay doubles with each failure."""
    if len(failures) < TOLERATED_FAILURES or not failures[0].ended:
        return LONG_AGO
    delay = min(LONGEST_DELAY, 2.0 ** min(len(failures) - TOLERATED_FAILURES + 1, 20))
    return failures[0].ended + timedelta(seconds=delay)


def may_start(
    missing: int, workers: Sequence[WorkerState], failures: Sequence[WorkerState], now: datetime
) -> int:
    """How many of the missing workers may start; after a failure, one at a time."""
    if not failures or not failures[0].ended:
        return missing
    failed_at = failures[0].ended
    trying = any(not worker.ended and worker.asked >= failed_at for worker in workers)
    return 0 if trying or now < next_start(failures) else min(1, missing)


def too_many_failures(
    workers: Sequence[WorkerState], failures: Sequence[WorkerState], most: int
) -> ClusterUnusable | None:
    """The cluster is unusable after this many failures in a row, unless a worker is running."""
    if len(failures) < most or any(map(is_running, workers)):
        return None
    last = failures[0]
    why = f"{len(failures)} workers in a row failed; the last: {last.why or 'no reason is known'}"
    return ClusterUnusable(why, last.asked, last.name)


def no_node_came(
    workers: Sequence[WorkerState], problem: Problem | None, now: datetime, seconds: float
) -> ClusterUnusable | None:
    """It is unusable after a worker has waited this long for a node that the cluster denies it."""
    since = now - timedelta(seconds=seconds)
    waiting = [worker.asked for worker in workers if is_waiting(worker)]
    if not problem or not waiting or any(map(is_running, workers)):
        return None
    if max(problem.since, min(waiting)) > since:
        return None
    return ClusterUnusable(f"no node came for {seconds:.0f} s: {problem.why}", since)


def no_answer(
    problem: Problem, last_active: datetime | None, now: datetime, seconds: float
) -> ClusterUnusable | None:
    """It is unusable after it hasn't answered for this long, in which no worker was active."""
    since = now - timedelta(seconds=seconds)
    if max(problem.since, last_active or LONG_AGO) > since:
        return None
    return ClusterUnusable(problem.why, since)


def is_running(worker: WorkerState) -> bool:
    return worker.started is not None and worker.ended is None


def is_waiting(worker: WorkerState) -> bool:
    return worker.started is None and worker.ended is None
