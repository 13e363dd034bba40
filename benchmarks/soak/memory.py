"""Whether services grow: the most that one of each took undisturbed, and under faults.

Undisturbed they do all that they do later, once; so what they take later they should have taken
then. A process that was just started has taken nothing yet, and raises no peak.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.soak import processes

#: What a service may take more, later: allocators round, and caches are warm at different times.
GROWTH = 1.25
SLACK_MIB = 16
NOT_OURS = "azurite"


class Peaks(NamedTuple):
    """In MiB."""

    calm: float
    rough: float

    @property
    def flat(self) -> bool:
        return self.rough <= self.calm * GROWTH + SLACK_MIB


class Memory:
    def __init__(self) -> None:
        self.calm: dict[str, float] = defaultdict(float)
        self.rough: dict[str, float] = defaultdict(float)

    def sample(
        self, peaks: dict[str, float], services: Mapping[str, int], workers: Sequence[int]
    ) -> None:
        for name, pid in [*services.items(), *(("worker", pid) for pid in workers)]:
            if name != NOT_OURS:
                peaks[name] = max(peaks[name], processes.memory_mib(pid))

    def peaks(self) -> dict[str, Peaks]:
        return {name: Peaks(self.calm[name], self.rough[name]) for name in sorted(self.rough)}
