"""What a handler is told of the message in its hand, and how it is told to let go."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.errors import ImpastoError, Stopping
from shared.messages import Body
from shared.queues import Lanes

B = TypeVar("B", bound=Body)


@dataclass
class Work:
    attempt: int
    _lost: ImpastoError | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Call between two steps of a long handler; raises when it should go no further."""
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
    """Which queue carries what, and who handles it; while it isn't open, nobody takes from it."""

    queue: str
    kind: type[B]
    handle: Callable[[B, Work], None]
    is_open: Callable[[], bool] | None = None
    #: The queues that take turns in its place, where it isn't one queue.
    lanes: Lanes | None = None


AnyRoute = Route[Any]
