"""The peak memory of each service, undisturbed and under faults, to find leaks.

The undisturbed run does everything that the later one does, so its peak is what a service needs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.soak import processes

#: How much higher the second peak may be: allocators round, and caches fill at other times.
GROWTH = 1.25
SLACK_MIB = 16
NOT_OURS = "azurite"


class Peaks(NamedTuple):
    """In MiB."""

    undisturbed: float
    under_faults: float

    @property
    def flat(self) -> bool:
        return self.under_faults <= self.undisturbed * GROWTH + SLACK_MIB


class Memory:
    def __init__(self) -> None:
        self.undisturbed: dict[str, float] = defaultdict(float)
        self.under_faults: dict[str, float] = defaultdict(float)

    def sample(
        self, peaks: dict[str, float], services: Mapping[str, int], workers: Sequence[int]
    ) -> None:
        for name, pid in [*services.items(), *(("worker", pid) for pid in workers)]:
            if name != NOT_OURS:
                peaks[name] = max(peaks[name], processes.memory_mib(pid))

    def peaks(self) -> dict[str, Peaks]:
        return {
            name: Peaks(self.undisturbed[name], self.under_faults[name])
            for name in sorted(self.under_faults)
        }
