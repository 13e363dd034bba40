"""What failing workers are taken for: when the next may start, and when there is no hope. Pure."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.dispatcher.cluster import WorkerState

#: A worker that fails within so many seconds never got to work.
AT_ONCE = 10.0
#: How many such failures on end are taken for chance.
CHANCE = 3
LONGEST_REST = 60.0
LONG_AGO = datetime.fromtimestamp(0).astimezone()


class Hopeless(NamedTuple):
    """Why no worker gets to work, and between when and when that was tried.

    Work that came after `last` hasn't been tried yet, and gets its try.
    """

    why: str
    first: datetime
    last: datetime


def failed_tries(workers: Sequence[WorkerState]) -> list[WorkerState]:
    """Failures that only failures came after, newest first; those side by side are one try."""
    over = [worker for worker in reversed(workers) if worker.ended]
    tries: list[WorkerState] = []
    for worker in itertools.takewhile(lambda worker: worker.failed, over):
        if not tries or (worker.ended and worker.ended <= tries[-1].asked):
            tries.append(worker)
    return tries


def rest_until(tries: Sequence[WorkerState]) -> datetime:
    """Workers that fail at once, one after the other, are started ever more rarely."""
    quick = list(itertools.takewhile(failed_at_once, tries))
    if len(quick) < CHANCE or not quick[0].ended:
        return LONG_AGO
    rest = min(LONGEST_REST, 2.0 ** min(len(quick) - CHANCE + 1, 20))
    return quick[0].ended + timedelta(seconds=rest)


def may_start(missing: int, workers: Sequence[WorkerState], now: datetime) -> int:
    """After a failure one goes ahead, and the others follow once somebody is well at work."""
    tries = failed_tries(workers)
    if now < rest_until(tries):
        return 0
    if not tries or any(seconds_at_work(worker, now) >= AT_ONCE for worker in workers):
        return missing
    return 0 if any(not worker.ended for worker in workers) else min(1, missing)


def failed_at_once(worker: WorkerState) -> bool:
    """One that never started, such as for want of its image, did so too."""
    lasted = worker.ended - worker.started if worker.ended and worker.started else timedelta()
    return worker.failed and lasted.total_seconds() < AT_ONCE


def seconds_at_work(worker: WorkerState, now: datetime) -> float:
    if not worker.started or worker.ended:
        return 0
    return (now - worker.started).total_seconds()


def is_running(worker: WorkerState) -> bool:
    return worker.started is not None and worker.ended is None


def never_at_work(workers: Sequence[WorkerState], most_tries: int) -> Hopeless | None:
    """So many workers on end have failed, and none is at work now."""
    tries = failed_tries(workers)
    if len(tries) < most_tries or any(map(is_running, workers)):
        return None
    said = tries[0].why or "nobody knows why"
    why = f"{len(tries)} workers in a row failed; the last: {said}"
    return Hopeless(why, tries[-1].asked, tries[0].asked)


def never_a_node(
    workers: Sequence[WorkerState], trouble: str | None, now: datetime, seconds: float
) -> Hopeless | None:
    """For so long a worker has waited for a node, and the cluster says that none will come."""
    since = now - timedelta(seconds=seconds)
    waiting = [worker.asked for worker in workers if not worker.started and not worker.ended]
    if not trouble or not waiting or min(waiting) > since or any(map(is_running, workers)):
        return None
    return Hopeless(f"no node came for {seconds:.0f} s: {trouble}", min(waiting), since)
