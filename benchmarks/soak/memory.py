"""Whether services grow: the most that one of each took, in the first half of the run and after.

Services do the same things all the time, so what they take in the second half they should have
taken in the first. A process that was just started has taken nothing yet, and raises no peak.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.soak import processes

#: What a service may take more, later: allocators round, and caches are warm at different times.
GROWTH = 1.25
SLACK_MIB = 16
NOT_OURS = "azurite"


class Peaks(NamedTuple):
    early: float
    late: float

    @property
    def flat(self) -> bool:
        return self.late <= self.early * GROWTH + SLACK_MIB


class Memory:
    def __init__(self) -> None:
        self._samples: list[tuple[float, str, float]] = []

    def sample(self, services: Mapping[str, int], workers: Sequence[int]) -> None:
        now = time.monotonic()
        them = [*services.items(), *(("worker", pid) for pid in workers)]
        for name, pid in them:
            if name != NOT_OURS:
                self._samples.append((now, name, processes.memory_mib(pid)))

    def peaks(self) -> dict[str, Peaks]:
        return peaks(self._samples)


def peaks(samples: Sequence[tuple[float, str, float]]) -> dict[str, Peaks]:
    if not samples:
        return {}
    middle = (samples[0][0] + samples[-1][0]) / 2
    found = {}
    for name in sorted({name for _, name, _ in samples}):
        own = [(at, mib) for at, who, mib in samples if who == name]
        early = [mib for at, mib in own if at <= middle]
        late = [mib for at, mib in own if at > middle]
        if early and late:
            found[name] = Peaks(max(early), max(late))
    return found
