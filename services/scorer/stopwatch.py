"""Where the time of a chunk went."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    def __init__(self) -> None:
        self._started = time.monotonic()
        self._spent: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent[name] += time.monotonic() - began

    @property
    def total(self) -> float:
        return time.monotonic() - self._started

    def by_stage(self) -> dict[str, float]:
        return {name: round(seconds, 4) for name, seconds in self._spent.items()}
