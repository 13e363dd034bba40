"""What a node does with a job: runs its command, keeps its time, notes how it ended.

`python -m services.batchai.node FOLDER LOCK`: FOLDER/job.json says what to run; LOCK is an open,
locked file. This process and the command hold it for as long as either lives, so a server that
comes back after a crash knows whether the job still runs, and reads the rest in FOLDER.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple, Self

from shared.runtime.stop import Stop


class Order(NamedTuple):
    """What the server wants run. The environment is this process's own."""

    command: str
    preparation: str | None
    output: str
    ends_at: float
    grace_seconds: float
    tied_to_stdin: bool

    def write(self, folder: Path) -> None:
        (folder / "job.json").write_text(json.dumps(self._asdict()))

    @classmethod
    def read(cls, folder: Path) -> Self:
        return cls(**json.loads((folder / "job.json").read_text()))


class Ending(NamedTuple):
    """How it went. `cut` says why it didn't end by itself."""

    exit_code: int
    cut: str | None = None
    step: str = "command"

    @property
    def left_well(self) -> bool:
        """Whether the command ended with 0, were it because it was told to end."""
        return self.exit_code == 0 and self.step == "command" and self.cut != TIMED_OUT

    def write(self, folder: Path) -> None:
        part = folder / "ending.part"
        part.write_text(json.dumps(self._asdict()))
        part.rename(folder / "ending.json")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        path = folder / "ending.json"
        return cls(**json.loads(path.read_text())) if path.exists() else None


TERMINATED, TIMED_OUT = "terminated", "timed out"
LOOK_SECONDS = 0.1
#: All of a command are told to end; the shell, which has nothing to finish, waits for the others.
PATIENT = "trap 'exit 143' TERM"


def work(order: Order, folder: Path, lock: int, stop: Stop) -> Ending:
    if order.preparation:
        ending = run(order.preparation, "-job_prep", order, folder, lock, stop)
        if ending.exit_code or ending.cut:
            return ending._replace(step="preparation")
    return run(order.command, "", order, folder, lock, stop)


def run(command: str, suffix: str, order: Order, folder: Path, lock: int, stop: Stop) -> Ending:
    output = Path(order.output)
    with (
        (output / f"stdout{suffix}.txt").open("ab") as out,
        (output / f"stderr{suffix}.txt").open("ab") as err,
    ):
        child = subprocess.Popen(
            ["/bin/sh", "-c", f"{PATIENT}\n{command}"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=[lock],
            process_group=0,
        )
    (folder / "pid").write_text(str(child.pid))
    cut = None
    while child.poll() is None and not cut:
        if stop.wait(LOOK_SECONDS):
            cut = TERMINATED
        elif time.time() >= order.ends_at:
            cut = TIMED_OUT
    if cut:
        signal_group(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(order.grace_seconds)
    signal_group(child.pid, signal.SIGKILL)  # also what the command left running
    code = child.wait()
    return Ending(code if code >= 0 else 128 - code, cut)


def signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def main() -> None:
    folder, lock = Path(sys.argv[1]), int(sys.argv[2])
    stop = Stop().on_signals()
    order = Order.read(folder)
    if order.tied_to_stdin:
        stop.on_end_of_stdin()
    work(order, folder, lock, stop).write(folder)


if __name__ == "__main__":
    main()
