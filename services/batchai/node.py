"""What a node does with a job: runs its command, keeps its time, notes how it ended.

`python -m services.batchai.node FOLDER LOCK`: FOLDER/job.json says what to run; LOCK is an open,
locked file. This process holds it for as long as it lives, so a server that comes back after a
crash knows whether the job still runs, and reads the rest in FOLDER.
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

from services.batchai import family
from shared.runtime.stop import Stop


class Order(NamedTuple):
    """What the server wants run, with the environment of the command."""

    command: str
    preparation: str | None
    output: str
    ends_at: float
    grace_seconds: float
    tied_to_stdin: bool
    environment: dict[str, str]

    def write(self, folder: Path) -> None:
        path = folder / "job.json"
        path.touch(mode=0o600)  # a job's secrets are in there
        path.write_text(json.dumps(self._asdict()))

    @classmethod
    def take(cls, folder: Path) -> Self:
        path = folder / "job.json"
        order = cls(**json.loads(path.read_text()))
        path.unlink()
        return order


class Ending(NamedTuple):
    """How it went. `cut` says why it didn't end by itself, `trouble` why it never began."""

    exit_code: int | None
    cut: str | None = None
    step: str = "command"
    trouble: str | None = None

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
        """None if there is none, or nothing that can be read as one."""
        try:
            return cls(**json.loads((folder / "ending.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None


TERMINATED, TIMED_OUT = "terminated", "timed out"
WORK = "work"
LOOK_SECONDS = 0.1
#: All of a command are told to end; the shell, which has nothing to finish, waits for the others.
PATIENT = "trap 'exit 143' TERM"


def work(order: Order, folder: Path, stop: Stop) -> Ending:
    """Whatever the job has started has ended when this returns or raises."""
    try:
        if order.preparation:
            ending = run(order.preparation, "-job_prep", order, folder, stop)
            if ending.exit_code or ending.cut:
                return ending._replace(step="preparation")
        return run(order.command, "", order, folder, stop)
    finally:
        family.kill_all(folder.name, os.getpid())


def run(command: str, suffix: str, order: Order, folder: Path, stop: Stop) -> Ending:
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
            env=order.environment,
            cwd=folder / WORK,
            process_group=0,
        )
    try:
        (folder / "pid").write_text(str(child.pid))
        cut = None
        while child.poll() is None and not cut:
            family.reap_orphans(child.pid)
            if stop.wait(LOOK_SECONDS):
                cut = TERMINATED
            elif time.time() >= order.ends_at:
                cut = TIMED_OUT
        if cut:
            family.send_all(folder.name, os.getpid(), child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(order.grace_seconds)
    finally:
        family.send_group(child.pid, signal.SIGKILL)  # also what the command left running
        code = child.wait()
    return Ending(code if code >= 0 else 128 - code, cut)


def main() -> None:
    folder = Path(sys.argv[1])
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.request())  # told twice, it still ends the job first
    family.adopt_orphans()
    order = Order.take(folder)
    if order.tied_to_stdin:
        stop.on_end_of_stdin()
    try:
        ending = work(order, folder, stop)
    except OSError as error:
        ending = Ending(None, trouble=str(error))
    ending.write(folder)


if __name__ == "__main__":
    main()
