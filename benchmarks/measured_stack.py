"""A stack of all services, measured while it paints: times, CPU, memory and storage requests.

The figures come from the clock, /proc and the logs, and not from storage, which would add requests.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.service_usage import HERE, usage
from services.console.stack import Stack
from shared.control.job_control import JobControl
from workloads.video import VIDEO

#: Between two samples of memory.
SAMPLE_SECONDS = 1.0
#: The time limit of a run: so much for each frame, and for the start.
SECONDS_A_FRAME = 3.0
FIRST_SECONDS = 120.0


class Run(NamedTuple):
    """One video, from the drop to the output, and until its intermediates are deleted."""

    frames: int
    seconds: float
    to_first_chunk: float
    from_last_chunk: float
    #: By service.
    cpu_seconds: Mapping[str, float]
    most_memory: Mapping[str, int]
    #: Azurite's access log; empty unless it runs with LOGGING_FLAGS.
    requests: list[str]


@contextmanager
def measured_stack(folder: Path) -> "Iterator[MeasuredStack]":
    """One worker that doesn't exit: its CPU time couldn't be read after that."""
    with (
        patch.dict(os.environ, {"IMPASTO_IDLE_EXIT_SECONDS": "3600"}),
        Stack(folder, nodes=1) as stack,
    ):
        yield MeasuredStack(stack)


class MeasuredStack:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._control = JobControl(stack.storage)

    def paint(self, clip: Path, blob: str, frames: int) -> Run:
        log = self._stack.log_of("azurite")
        before, log_before = usage(), log.stat().st_size
        dropped = time.time()
        job = self._control.submit(VIDEO, clip, blob)
        memory = self._until_cleared(job, dropped + FIRST_SECONDS + frames * SECONDS_A_FRAME)
        after = usage()
        requests = log.read_bytes()[log_before:].decode().splitlines()
        workers = self._stack.data.glob("batchai/**/stderr.txt")
        events = lines_of(job, self._stack.log_of("stitcher"), *workers)
        [finished] = [line for line in events if line["event"] == "finished"]
        assert finished["items"] == frames
        chunks = [moment(line) for line in events if done(line, "chunks")]
        return Run(
            frames,
            seconds=moment(finished) - dropped,
            to_first_chunk=min(chunks) - dropped,
            from_last_chunk=moment(finished) - max(chunks),
            cpu_seconds={
                name: used.cpu_seconds - before[name].cpu_seconds
                for name, used in after.items()
                if name != HERE
            },
            most_memory=memory,
            requests=requests,
        )

    def _until_cleared(self, job: str, deadline: float) -> Mapping[str, int]:
        """Wait until the job is done; the peak memory of each service."""
        most: dict[str, int] = defaultdict(int)
        while not self._cleared(job):
            if time.time() > deadline:
                raise AssertionError(f"not painted in time: {self._control.status(job)}")
            for name, used in usage().items():
                if name != HERE:
                    most[name] = max(most[name], used.memory)
            time.sleep(SAMPLE_SECONDS)
        return most

    def _cleared(self, job: str) -> bool:
        """Whether the stitcher has logged `finished`, and then `done` for its message."""
        events = [line["event"] for line in lines_of(job, self._stack.log_of("stitcher"))]
        return "finished" in events and "done" in events[events.index("finished") :]


def lines_of(job: str, *logs: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for log in logs
        for line in log.read_text().splitlines()
        if job in line and line.startswith("{") and line.endswith("}")
    ]


def done(line: Mapping[str, Any], queue: str) -> bool:
    return bool(line["event"] == "done" and line["queue"] == queue)


def moment(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()
