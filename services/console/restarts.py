"""When a service that died is restarted: at once if it had worked, else after growing delays."""

import time

LONGEST_DELAY = 30.0


class Restarts:
    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._next_start: dict[str, float] = {}

    def started(self, name: str) -> None:
        self._started[name] = time.monotonic()

    def died(self, name: str, had_worked: bool) -> None:
        """Count a death and set the delay, which doubles with each death in a row."""
        deaths = 1 if had_worked else self._deaths.get(name, 0) + 1
        self._deaths[name] = deaths
        delay = min(LONGEST_DELAY, 0.1 * 2.0 ** min(deaths, 20))
        self._next_start[name] = time.monotonic() + delay

    def may_start(self, name: str) -> bool:
        return time.monotonic() >= self._next_start.get(name, 0)

    def age(self, name: str) -> float:
        """The seconds since the last start."""
        return time.monotonic() - self._started.get(name, 0)

    def delay(self, name: str) -> float:
        """The seconds between the last start and the next."""
        return self._next_start.get(name, 0) - self._started.get(name, 0)
