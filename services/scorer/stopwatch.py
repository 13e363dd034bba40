"""Measures the time that each stage of a chunk takes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from shared.records import Times


class Stopwatch:
    """Stages may overlap, but each must run in one thread only."""

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

    def times(self, items: int) -> Times:
        """The total time, divided into the model's and its waiting; other stages run beside it."""
        total = time.monotonic() - self._started
        busy = self._spent.pop("model", 0.0)
        return Times(
            seconds=round(total, 4),
            seconds_per_item=round(total / max(1, items), 5),
            seconds_by_stage={"model": round(busy, 4), "waiting": round(total - busy, 4)},
            seconds_beside={name: round(spent, 4) for name, spent in self._spent.items()},
        )
