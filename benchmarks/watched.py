"""A stack of all services that is watched from outside while it paints: by the clock, in /proc,
and in the logs. Nobody looks into its storage meanwhile: that would be work for it too.
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

from benchmarks.processes import HERE, usage
from services.console.jobs import Desk
from services.console.stack import Stack

#: Rarely enough to take nothing of the machine.
LOOK_SECONDS = 1.0
#: On the slowest machine; so long it takes only where something is broken.
SECONDS_A_FRAME = 3.0
FIRST_SECONDS = 120.0


class Run(NamedTuple):
    """One video, from the drop to the output and until nothing is left to be cleared away."""

    frames: int
    seconds: float
    to_first_chunk: float
    from_last_chunk: float
    #: Of each service.
    cpu_seconds: Mapping[str, float]
    most_memory: Mapping[str, int]
    #: Every request that Azurite answered, where it was told to say so.
    requests: list[str]


@contextmanager
def watched(folder: Path) -> "Iterator[Watched]":
    """One worker, which stays: what it took can't be told any more once it has left its node."""
    with (
        patch.dict(os.environ, {"IMPASTO_IDLE_EXIT_SECONDS": "3600"}),
        Stack(folder, nodes=1) as stack,
    ):
        yield Watched(stack)


class Watched:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._desk = Desk(stack.storage)

    def paint(self, clip: Path, blob: str, frames: int) -> Run:
        log = self._stack.log_of("azurite")
        before, log_before = usage(), log.stat().st_size
        dropped = time.time()
        job = self._desk.submit(clip, blob)
        memory = self._until_cleared(job, dropped + FIRST_SECONDS + frames * SECONDS_A_FRAME)
        after = usage()
        requests = log.read_bytes()[log_before:].decode().splitlines()
        workers = self._stack.data.glob("batchai/**/stderr.txt")
        said = lines_of(job, self._stack.log_of("stitcher"), *workers)
        [finished] = [line for line in said if line["event"] == "finished"]
        assert finished["items"] == frames
        chunks = [moment(line) for line in said if done(line, "chunks")]
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
        """The most memory that each service had at a time."""
        most: dict[str, int] = defaultdict(int)
        while not self._cleared(job):
            if time.time() > deadline:
                raise AssertionError(f"not painted in time: {self._desk.status(job)}")
            for name, used in usage().items():
                if name != HERE:
                    most[name] = max(most[name], used.memory)
            time.sleep(LOOK_SECONDS)
        return most

    def _cleared(self, job: str) -> bool:
        """The stitcher says that it has finished, and then that it is done with its message."""
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
