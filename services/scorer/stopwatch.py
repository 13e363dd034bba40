"""Where the time of a chunk went."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from shared.records import Times


class Stopwatch:
    """Stages may run side by side; each is kept by one thread."""

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
        """Of the line, the model is what counts: it was busy, or it waited for the others."""
        total = time.monotonic() - self._started
        busy = self._spent.pop("model", 0.0)
        return Times(
            seconds=round(total, 4),
            seconds_per_item=round(total / max(1, items), 5),
            seconds_by_stage={"model": round(busy, 4), "waiting": round(total - busy, 4)},
            seconds_beside={name: round(spent, 4) for name, spent in self._spent.items()},
        )
