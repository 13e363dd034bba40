"""How a service waits between two polls: for a growing pause, or until a bell rings."""

import time
from collections.abc import Callable, Collection

from shared.bells import Bell
from shared.runtime.backoff import IdlePause
from shared.runtime.stop import Stop
from shared.settings import Settings

#: A heartbeat is due more often than this.
TURN_SECONDS = 5.0
#: After so long without a message or a ring, the pauses grow beyond `idle_seconds`: to a quarter
#: of that time, and at most to `DEEPEST_SECONDS`.
CALM_SECONDS = 60.0
CALM_SHARE = 0.25
DEEPEST_SECONDS = 60.0


class Waiting:
    def __init__(
        self,
        stop: Stop,
        settings: Settings,
        queues: Collection[str],
        may_be_late: Callable[[], bool],
    ) -> None:
        """`queues` are those whose messages wake it.

        While `may_be_late` returns False, no pause is longer than `idle_seconds`.
        """
        self._stop = stop
        self._queues = queues
        self._may_be_late = may_be_late
        self._usual = settings.idle_seconds
        self._calm_after = max(CALM_SECONDS, 2 * settings.lease_seconds)
        self._pause = IdlePause(settings.idle_seconds)
        self._bell = Bell(settings.bells) if settings.bells else None
        self._last = time.monotonic()
        #: When messages become visible that were announced for later.
        self._due: dict[str, float] = {}

    def found_work(self) -> None:
        """Make the next pause the shortest."""
        self._pause.reset()
        self._last = time.monotonic()

    def at_most(self, seconds: float) -> None:
        """Make the next pause no longer than this."""
        self._pause.at_most(seconds)

    def wait(self) -> set[str]:
        """Wait, and return the queues that have messages as far as bells have told."""
        until = time.monotonic() + self._seconds()
        while True:
            now = time.monotonic()
            end = min([until, *self._due.values()])
            if end <= now:
                return self._rung(now)
            turn = min(end - now, TURN_SECONDS)
            if self._bell is None:
                if self._stop.wait(turn):
                    return set()
                continue
            if self._stop.wait(turn, self._bell.descriptor):
                return set()
            for queue, after in self._bell.heard():
                self._last = now
                until = min(until, now + self._usual)
                if queue in self._queues:
                    self._due[queue] = min(now + after, self._due.get(queue, now + after))

    def close(self) -> None:
        if self._bell:
            self._bell.close()

    def _seconds(self) -> float:
        pause, calm = self._pause.next(), time.monotonic() - self._last
        if self._bell is None or calm < self._calm_after or not self._may_be_late():
            return pause
        return max(pause, min(DEEPEST_SECONDS, CALM_SHARE * calm))

    def _rung(self, now: float) -> set[str]:
        rung = {queue for queue, at in self._due.items() if at <= now}
        for queue in rung:
            del self._due[queue]
        return rung
