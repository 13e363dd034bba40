"""Routes from queues to handlers, and what a handler knows of its message."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.errors import ImpastoError, Stopping
from shared.messages import Body
from shared.queues import Lanes
from shared.telemetry.progress import progress

B = TypeVar("B", bound=Body)


@dataclass
class Work:
    attempt: int
    _lost: ImpastoError | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Call between two steps of a long handler; raises LeaseLost or Stopping."""
        progress.step()
        if self._lost:
            raise self._lost
        if self._stopping.is_set():
            raise Stopping("told to leave")

    def lose(self, why: ImpastoError) -> None:
        self._lost = why

    def stop(self) -> None:
        self._stopping.set()


@dataclass(frozen=True)
class Route(Generic[B]):
    """A queue, the kind of its messages, and their handler.

    While `is_open` returns False, nothing is received from the queue.
    """

    queue: str
    kind: type[B]
    handle: Callable[[B, Work], None]
    is_open: Callable[[], bool] | None = None
    #: Several queues in place of one, from which messages are received in turn.
    lanes: Lanes | None = None


AnyRoute = Route[Any]
