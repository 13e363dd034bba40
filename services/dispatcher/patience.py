"""What failing workers are taken for: when the next may start, and when there is no hope. Pure."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.clusters.state import WorkerState

#: How many failures on end are taken for chance.
CHANCE = 3
LONGEST_REST = 60.0
#: How far the clocks of storage and of the cluster may be apart.
CLOCKS = timedelta(seconds=2)
#: A queue rounds down when a message came.
WHOLE_SECONDS = timedelta(seconds=1)
LONG_AGO = datetime.fromtimestamp(0, UTC)


class Hopeless(NamedTuple):
    """Why no worker gets to work, and when the last try was made."""

    why: str
    last: datetime
    worker: str | None = None

    def tried(self, since: datetime) -> bool:
        """Whether what has waited since then has had its try."""
        return since + WHOLE_SECONDS < self.last


class Trouble(NamedTuple):
    """What keeps workers from coming, and since when it has done so without a break."""

    why: str
    since: datetime


def continued(trouble: Trouble | None, why: str | None, now: datetime) -> Trouble | None:
    """After another look at the cluster, which found this in the way, or nothing."""
    if why is None:
        return None
    return Trouble(why, trouble.since if trouble else now)


def failed_tries(workers: Sequence[WorkerState], at_work: datetime | None) -> list[WorkerState]:
    """The failures since a worker last got to work, newest first; those side by side are one."""
    since = (at_work or LONG_AGO) + CLOCKS
    over = [worker for worker in reversed(workers) if worker.ended]
    tries: list[WorkerState] = []
    for worker in itertools.takewhile(lambda worker: worker.failed and worker.asked > since, over):
        if not tries or (worker.ended and worker.ended <= tries[-1].asked):
            tries.append(worker)
    return tries


def rest_until(tries: Sequence[WorkerState]) -> datetime:
    """Workers that fail, one after the other, are started ever more rarely."""
    if len(tries) < CHANCE or not tries[0].ended:
        return LONG_AGO
    rest = min(LONGEST_REST, 2.0 ** min(len(tries) - CHANCE + 1, 20))
    return tries[0].ended + timedelta(seconds=rest)


def may_start(
    missing: int, workers: Sequence[WorkerState], tries: Sequence[WorkerState], now: datetime
) -> int:
    """After a failure one goes ahead, and the others follow when it has got to work."""
    if not tries or not tries[0].ended:
        return missing
    failed_at = tries[0].ended
    ahead = any(not worker.ended and worker.asked >= failed_at for worker in workers)
    return 0 if ahead or now < rest_until(tries) else min(1, missing)


def never_at_work(
    workers: Sequence[WorkerState], tries: Sequence[WorkerState], most: int
) -> Hopeless | None:
    """So many tries have failed, and no worker is there that might still prove the contrary."""
    if len(tries) < most or any(map(is_running, workers)):
        return None
    last = tries[0]
    why = f"{len(tries)} workers in a row failed; the last: {last.why or 'nobody knows why'}"
    return Hopeless(why, last.asked, last.name)


def never_a_node(
    workers: Sequence[WorkerState], trouble: Trouble | None, now: datetime, seconds: float
) -> Hopeless | None:
    """For so long a worker has waited for a node, and the cluster has said why none comes."""
    since = now - timedelta(seconds=seconds)
    waiting = [worker.asked for worker in workers if not worker.started and not worker.ended]
    if not trouble or not waiting or any(map(is_running, workers)):
        return None
    if max(trouble.since, min(waiting)) > since:
        return None
    return Hopeless(f"no node came for {seconds:.0f} s: {trouble.why}", since)


def no_answer(
    trouble: Trouble, at_work: datetime | None, now: datetime, seconds: float
) -> Hopeless | None:
    """For so long the cluster has refused or not answered, and nobody was seen working."""
    since = now - timedelta(seconds=seconds)
    if max(trouble.since, at_work or LONG_AGO) > since:
        return None
    return Hopeless(trouble.why, since)


def is_running(worker: WorkerState) -> bool:
    return worker.started is not None and worker.ended is None
