"""When a service that died is restarted: at once, but after growing delays if it failed to start.

It failed if it ended by itself before it did any work. One that was killed didn't fail: it may have
been killed while it started.
"""

import time

LONGEST_DELAY = 30.0


class Restarts:
    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._next_start: dict[str, float] = {}

    def started(self, name: str) -> None:
        self._started[name] = time.monotonic()

    def died(self, name: str, failed: bool) -> None:
        """Set the delay, which doubles with each failure in a row."""
        failures = self._failures.get(name, 0) + 1 if failed else 1
        self._failures[name] = failures
        delay = min(LONGEST_DELAY, 0.1 * 2.0 ** min(failures, 20))
        self._next_start[name] = time.monotonic() + delay

    def may_start(self, name: str) -> bool:
        return time.monotonic() >= self._next_start.get(name, 0)

    def age(self, name: str) -> float:
        """The seconds since the last start."""
        return time.monotonic() - self._started.get(name, 0)

    def delay(self, name: str) -> float:
        """The seconds between the last start and the next."""
        return self._next_start.get(name, 0) - self._started.get(name, 0)
