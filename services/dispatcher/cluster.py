"""Where workers run, as the dispatcher sees it."""

from datetime import datetime
from typing import NamedTuple, Protocol


class WorkerState(NamedTuple):
    """One worker, as the service that runs it tells it."""

    name: str
    asked: datetime
    started: datetime | None = None
    ended: datetime | None = None
    failed: bool = False
    why: str | None = None


class Cluster(Protocol):
    """Its methods raise `ClusterError` when the service behind it refuses, or doesn't answer.

    What it tells is read from that service each time: nothing is lost when the dispatcher dies.
    """

    @property
    def nodes(self) -> int:
        """How many workers there may be."""

    def workers(self) -> list[WorkerState]:
        """All there are, those still starting included, and the last that ended; oldest first."""

    def trouble(self) -> str | None:
        """Why no node comes, in the service's own words, where it has none and says why."""

    def last_words(self, worker: str) -> str:
        """The end of a worker's log, as far as there is one."""

    def start(self, workers: int) -> None:
        """Have so many more. A worker leaves by itself when there is nothing to do."""

    def dismiss(self, worker: str) -> None:
        """Take one back that hasn't started yet, as if it had never been asked for."""

    def close(self) -> None:
        """The dispatcher is leaving."""
