"""A stage of the work on a job's items: its span, its metrics, and what it used."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.records import Spent
from shared.telemetry import spans
from shared.telemetry.cost import cpu_seconds
from shared.telemetry.metrics import ITEM_SECONDS, ITEMS

CPU = "cpu"


class Stage:
    """What runs now. Whoever runs it sets the number of items at its end."""

    def __init__(self, name: str, device: str = CPU) -> None:
        self.name = name
        self.items = 0
        self.device = device
        #: What attempts at it used that were killed.
        self.lost_cpu = 0.0
        self._start = time.time_ns()
        self._began, self._cpu = time.monotonic(), cpu_seconds()

    def done(self) -> Spent:
        """Count the stage; return what it used."""
        seconds = time.monotonic() - self._began
        if self.items:
            ITEMS.labels(self.name, self.device).inc(self.items)
            ITEM_SECONDS.labels(self.name, self.device).inc(seconds)
        cpu = max(0.0, cpu_seconds() - self._cpu) + self.lost_cpu
        return Spent(seconds=round(seconds, 3), cpu_seconds=round(cpu, 3))

    def done_as_span(self, **attributes: spans.Value) -> Spent:
        """The same for a stage that wasn't entered: its span is made now."""
        spent = self.done()
        parent = spans.current()
        if parent and spans.sinks:
            told = attributes | {
                "impasto.items": self.items,
                "impasto.cpu_seconds": spent.cpu_seconds,
            }
            child = spans.child_of(parent, self.name, "internal", told)
            child.start = self._start
            spans.finish(child)
        return spent


@contextmanager
def stage(name: str, device: str = CPU) -> Iterator[Stage]:
    entered = Stage(name, device)
    with spans.span(name) as span:
        yield entered
        if span:
            span.attributes["impasto.items"] = entered.items
