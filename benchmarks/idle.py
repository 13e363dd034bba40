"""What a stack costs while it has nothing to do: requests a second, and shares of a core.

`python -m benchmarks.idle` watches a stack for four minutes; `MINUTES=60` makes it an hour, and
`SETTLE=15` lets it settle for so long before. The requests are those in Azurite's log.
"""

import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import psutil

from benchmarks.report import Goal, Report, Table, show
from benchmarks.soak.processes import descendants
from services.console import azurite
from services.console.stack import Stack
from shared import logs
from shared.runtime.heartbeat import has_worked
from tests.support.waiting import eventually

MINUTES = float(os.environ.get("MINUTES", "4"))
SETTLE = float(os.environ.get("SETTLE", "0"))
MOST_REQUESTS = 1.0
MOST_CPU = 1.0
WATCHED = "Watched for {:.0f} minutes, {:.0f} minutes after its start."
#: In Azurite's log: `127.0.0.1 - - [date] "GET /account/container?comp=list HTTP/1.1" 200 -`.
REQUEST = re.compile(r'"([A-Z]+) /\w+/([\w-]+)[/?]?(\S*) HTTP')


class Idle(NamedTuple):
    seconds: float
    #: By method and place.
    requests: Counter[str]
    #: Seconds of CPU by process.
    cpu: dict[str, float]


def requests_in(log: str) -> Counter[str]:
    """`GET messages of segments`, `LIST input`, and how many of each."""
    found: Counter[str] = Counter()
    for method, place, rest in REQUEST.findall(log):
        what = "LIST" if "comp=list" in rest else method
        messages = " messages" if rest.startswith("messages") else ""
        found[f"{what} {place}{messages}"] += 1
    return found


def cpu_of(stack: Stack) -> dict[str, float]:
    """Seconds since the start of each process of the stack, its children included."""
    found: dict[str, float] = {}
    for name, pid in [*stack.pids().items(), ("console", os.getpid())]:
        for each in [pid] if name == "console" else [pid, *descendants(pid)]:
            times = psutil.Process(each).cpu_times()
            found[name] = found.get(name, 0) + times.user + times.system
    return found


def watch(folder: Path, seconds: float) -> Idle:
    flags = [flag for flag in azurite.FLAGS if flag != "--silent"]
    with patch.object(azurite, "FLAGS", flags), Stack(folder / "stack") as stack:
        for name in stack.services:
            path = stack.heartbeat_of(name)
            eventually(lambda path=path: has_worked(path), f"{name} to work")  # type: ignore[misc]
        time.sleep(SETTLE * 60)
        log = stack.log_of("azurite")
        before, cpu, began = requests_in(log.read_text()), cpu_of(stack), time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        used = {name: seconds - cpu.get(name, 0) for name, seconds in cpu_of(stack).items()}
        return Idle(lasted, requests_in(log.read_text()) - before, used)


def report() -> Report:
    with tempfile.TemporaryDirectory() as folder:
        found = watch(Path(folder), MINUTES * 60)
    rate = found.requests.total() / found.seconds
    cpu = 100 * sum(found.cpu.values()) / found.seconds
    goals = [
        Goal("requests a second", f"≤ {MOST_REQUESTS:g}", f"{rate:.2f}", rate <= MOST_REQUESTS),
        Goal("of a core", f"≤ {MOST_CPU:g} %", f"{cpu:.2f} %", cpu <= MOST_CPU),
    ]
    requests = Table(
        ("request", "a second"),
        [(what, f"{n / found.seconds:.3f}") for what, n in found.requests.most_common()],
    )
    shares = Table(
        ("process", "of a core"),
        [(name, f"{100 * used / found.seconds:.2f} %") for name, used in found.cpu.items()],
    )
    return Report(goals, [requests, shares, WATCHED.format(found.seconds / 60, SETTLE)])


if __name__ == "__main__":
    logs.configure("bench", "error")
    shown = report()
    show(shown)
    sys.exit(0 if all(goal.met for goal in shown.goals) else 1)
