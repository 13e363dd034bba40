"""The interface of scorers: what a workload's model does to the items of a shard."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol, TypeVar

V = TypeVar("V")


class Threads(NamedTuple):
    pool: Executor
    size: int
    #: Returns the threads for items of so many bytes: fewer, if memory isn't enough for all.
    fitting: "Callable[[int], Threads] | None" = None


class Scorer(Protocol[V]):
    """`decode` and `encode` run in threads of their own, one call at a time."""

    #: The name of the device, for the chunk's report.
    device: str
    #: How many items `score` takes at once.
    batch: int
    #: The threads in which several batches are scored at the same time; None: one after another.
    threads: Threads | None

    def decode(self, data: bytes) -> V:
        """Convert a stored item to a value."""

    def score(self, values: Sequence[V]) -> Sequence[V]:
        """Return as many values as are given, in the same order."""

    def encode(self, value: V) -> bytes:
        """Convert a value to an item to store."""

    def count(self, value: V) -> int:
        """How many of the job's items a value holds: mostly one."""

    def report(self) -> dict[str, float | str]:
        """Details of the chunk that was just scored, for its report."""
