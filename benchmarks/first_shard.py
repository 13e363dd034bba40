"""From the drop of a video on an idle stack to its first painted shard, step by step.

`python -m benchmarks.first_shard` writes benchmarks/first_shard.md. No worker runs when a video is
dropped. Times are those of the trace that `impasto trace` draws, and of the services' logs.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import psutil

from benchmarks.machine import machine
from benchmarks.measured_stack import moment
from benchmarks.report import FOLDER, Goal, Report, Table, lines, show
from benchmarks.service_usage import HERE, service_in, usage
from services.console.stack import Stack
from shared import logs
from shared.arrivals import event_of
from shared.control.job_control import JobControl
from shared.control.job_lines import JobLines
from shared.control.traces import SECOND, KeptSpan, Trace, trace_from
from shared.names import job_folder
from shared.runtime.heartbeat import has_worked
from tests.support.waiting import eventually
from workloads.video import VIDEO

PAGE = FOLDER / "first_shard.md"
CLIP = Path("deploy/sample/bigbuckbunny.mp4")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
MOST_SECONDS = 5.0
#: A worker leaves sooner than it usually does, so that the next round begins with none.
IDLE_EXIT_SECONDS = "1"
#: Between the end of a round and the next drop.
REST_SECONDS = 5.0
LONGEST_SECONDS, LOOK_SECONDS = 600.0, 0.25
#: The last step.
STORED = "and stored"
HEAD = """# From the drop to the first painted shard

`python -m benchmarks.first_shard` wrote this page in one run on this machine. Don't edit it.
"""


class Round(NamedTuple):
    #: Seconds since the drop, by step, in their order.
    reached: Mapping[str, float]
    #: Seconds of CPU until the first painted shard, by service.
    cpu: Mapping[str, float]
    #: Seconds that its threads were ready to run meanwhile, and waited for a core.
    waited: Mapping[str, float]


class IdleStack:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._control = JobControl(stack.storage)
        self._scored = stack.storage.container("scored")

    def submit(self, blob: str) -> str:
        """As `impasto submit` does."""
        return self._control.submit(VIDEO, CLIP, blob)

    def upload(self, blob: str) -> str:
        """As any other tool does: the trigger has to find it."""
        container = self._stack.storage.container("input")
        data = CLIP.read_bytes()
        return event_of(container, blob, container.write(blob, data), len(data)).job

    def measure(self, drop: Callable[[str], str], blob: str) -> Round:
        seldom(lambda: "scorer" not in usage())
        time.sleep(REST_SECONDS)
        before, waited_before, dropped = usage(), waits(), time.time()
        job = drop(blob)
        folder = job_folder(job)
        seldom(lambda: bool(self._scored.under(folder)))
        cpu = {
            name: used.cpu_seconds - before[name].cpu_seconds
            for name, used in usage().items()
            if name != HERE
        }
        waited = {name: seconds - waited_before[name] for name, seconds in waits().items()}
        seldom(lambda: self._control.status(job).ended)
        lines = JobLines(self._stack.storage, job)
        found = lines.new()

        def whole() -> bool:
            found.extend(lines.new())
            return any("span" in line and line["span"]["name"] == "finish" for line in found)

        seldom(whole)
        steps = {**of_trace(trace_from(job, found)), **dict(self._of_worker(dropped))}
        reached = {step: at - dropped for step, at in steps.items()}
        return Round(dict(sorted(reached.items(), key=lambda step: step[1])), cpu, waited)

    def _of_worker(self, since: float) -> Iterator[tuple[str, float]]:
        """What is logged of a worker before its first chunk."""
        of_workers = list(self._stack.data.glob("batchai/**/stderr.txt"))
        for step, event, files in (
            ("a worker is asked for", "worker asked for", [self._stack.log_of("dispatcher")]),
            ("its process has its modules", "started", of_workers),
            ("it has checked its rights", "ready", of_workers),
        ):
            yield step, min(at for at in moments(event, files) if at > since)


def seldom(condition: Callable[[], bool]) -> None:
    """Wait for it, with few requests: they would take the time of what is measured."""
    until = time.monotonic() + LONGEST_SECONDS
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {LONGEST_SECONDS} s")
        time.sleep(LOOK_SECONDS)


def moments(event: str, files: Sequence[Path]) -> Iterator[float]:
    for file in files:
        for line in file.read_text().splitlines():
            if line.startswith("{") and json.loads(line)["event"] == event:
                yield moment(json.loads(line))


def of_trace(trace: Trace) -> dict[str, float]:
    def first(queue: str) -> KeptSpan:
        return next(span for span in trace.handlings if span.name == f"process {queue}")

    opening, splitting, chunk = first("waiting"), first("segments"), first("chunks")
    painted = next(part for part in trace.parts_of(chunk) if part.name == "upload")
    return {
        step: (at or 0) / SECOND
        for step, at in (
            ("the splitter has it", opening.start),
            ("planned", opening.end),
            ("the first segment is split", splitting.end),
            ("the worker has a chunk", chunk.start),
            ("the first shard is painted", painted.start),
            (STORED, painted.end),
        )
    }


def waits() -> defaultdict[str, float]:
    """Seconds that the threads of each service's processes have waited for a core, on Linux."""
    found: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, OSError):
            name = service_in(process.cmdline()) or service_of_parent(process)
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                found[name] += int((thread / "schedstat").read_text().split()[1]) / SECOND
    return found


def service_of_parent(process: psutil.Process) -> str:
    parents = [service_in(parent.cmdline()) for parent in process.parents()]
    return next((name for name in parents if name), HERE)


def rounds(drop: str) -> list[Round]:
    """Of one stack, after a round that isn't counted: it fills the disk's cache."""
    with (
        tempfile.TemporaryDirectory(prefix="impasto-bench-") as folder,
        patch.dict(os.environ, {"IMPASTO_IDLE_EXIT_SECONDS": IDLE_EXIT_SECONDS}),
        Stack(Path(folder)) as stack,
    ):
        for name in stack.services:
            path = stack.heartbeat_of(name)
            eventually(lambda path=path: has_worked(path), f"{name} to work")  # type: ignore[misc]
        idle = IdleStack(stack)
        how = idle.submit if drop == "submit" else idle.upload
        return [idle.measure(how, f"great-wave/{n}.mp4") for n in range(ROUNDS + 1)][1:]


def report() -> Report:
    goals: list[Goal] = []
    parts: list[str | Table] = []
    for drop, how in (("submit", "`impasto submit`"), ("upload", "an upload by another tool")):
        found = rounds(drop)
        stored = [each.reached[STORED] for each in found]
        middle = statistics.median(stored)
        wanted = f"≤ {MOST_SECONDS:g} s"
        goals.append(Goal(f"{how}, median", wanted, f"{middle:.1f} s", middle <= MOST_SECONDS))
        steps = [
            (step, *spread([each.reached[step] for each in found])) for step in found[0].reached
        ]
        services = sorted({name for each in found for name in each.cpu})
        cpu = [
            (
                name,
                *spread([each.cpu.get(name, 0) for each in found]),
                spread([each.waited.get(name, 0) for each in found])[0],
            )
            for name in services
        ]
        parts += [
            f"## By {how}",
            Table(("seconds after the drop", "median", "least", "most"), steps),
            Table(
                ("seconds of CPU until then", "median", "least", "most", "waited for a core"), cpu
            ),
        ]
    first = f"A 720p clip of 132 frames, {ROUNDS} times each; no worker runs when it is dropped."
    return Report(goals, [first, *parts])


def spread(values: Sequence[float]) -> tuple[str, str, str]:
    return f"{statistics.median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"


if __name__ == "__main__":
    logs.configure("bench", "error")
    shown = report()
    show(shown)
    PAGE.write_text(
        "\n".join([HEAD, *lines(Report(parts=[machine()])), *lines(shown)]).rstrip() + "\n"
    )
    sys.exit(0 if all(goal.met for goal in shown.goals) else 1)
