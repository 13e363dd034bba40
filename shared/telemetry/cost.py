"""What a handling has cost: CPU time, children's included, and requests to storage."""

import os
import time
from contextlib import suppress
from pathlib import Path

from shared.telemetry.storage_calls import requests_sent

CHILDREN = Path("/proc/self/task")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Cost:
    """A process handles one message at a time, so what it uses meanwhile is the handling's."""

    def __init__(self) -> None:
        self._cpu, self._requests = cpu_seconds(), dict(requests_sent)

    def attributes(self) -> dict[str, float | int]:
        return {"impasto.cpu_seconds": round(max(0.0, cpu_seconds() - self._cpu), 3)} | {
            f"impasto.storage.{kind}": count - self._requests[kind]
            for kind, count in requests_sent.items()
        }


def cpu_seconds() -> float:
    """Of this process, of its children that have ended, and of those that run (on Linux)."""
    times = os.times()
    used = time.process_time() + times.children_user + times.children_system
    with suppress(OSError):
        for thread in CHILDREN.iterdir():
            for child in (thread / "children").read_text().split():
                used += cpu_of(child)
    return used


def cpu_of(pid: str) -> float:
    with suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0
