"""The agent of a node: runs one job's command, ends it at its time limit, writes how it ended.

    python -m services.batchai.node_agent FOLDER LOCK

FOLDER/job.json says what to run. LOCK is an open, locked file that the agent holds for as long as
it lives; a restarted server sees from it whether the job still runs.
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

from services.batchai import job_processes
from shared.runtime.stop import Stop


class RunSpec(NamedTuple):
    """What to run, and the environment of the command."""

    command: str
    preparation: str | None
    output: str
    ends_at: float
    grace_seconds: float
    tied_to_stdin: bool
    environment: dict[str, str]

    def write(self, folder: Path) -> None:
        path = folder / "job.json"
        path.touch(mode=0o600)  # it contains the job's secrets
        path.write_text(json.dumps(self._asdict()))

    @classmethod
    def read_and_delete(cls, folder: Path) -> Self:
        path = folder / "job.json"
        spec = cls(**json.loads(path.read_text()))
        path.unlink()
        return spec


class Ending(NamedTuple):
    """How a run ended."""

    exit_code: int | None
    #: TERMINATED or TIMED_OUT; None if the command ended by itself.
    cut: str | None = None
    step: str = "command"
    #: Why the command couldn't be started.
    trouble: str | None = None

    @property
    def succeeded(self) -> bool:
        """The command ended with 0, by itself or because it was told to."""
        return self.exit_code == 0 and self.step == "command" and self.cut != TIMED_OUT

    def write(self, folder: Path) -> None:
        part = folder / "ending.part"
        part.write_text(json.dumps(self._asdict()))
        part.rename(folder / "ending.json")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """None if there is no such file, or not a valid one."""
        try:
            return cls(**json.loads((folder / "ending.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None


TERMINATED, TIMED_OUT = "terminated", "timed out"
WORK = "work"
POLL_SECONDS = 0.1
#: All processes of the command get SIGTERM; the shell must wait for the others.
WAIT_FOR_CHILDREN = "trap 'exit 143' TERM"


def run_job(spec: RunSpec, folder: Path, stop: Stop) -> Ending:
    """Every process of the job has ended when this returns or raises."""
    try:
        if spec.preparation:
            ending = run(spec.preparation, "-job_prep", spec, folder, stop)
            if ending.exit_code or ending.cut:
                return ending._replace(step="preparation")
        return run(spec.command, "", spec, folder, stop)
    finally:
        job_processes.kill_all(folder.name, os.getpid())


def run(command: str, suffix: str, spec: RunSpec, folder: Path, stop: Stop) -> Ending:
    output = Path(spec.output)
    with (
        (output / f"stdout{suffix}.txt").open("ab") as out,
        (output / f"stderr{suffix}.txt").open("ab") as err,
    ):
        child = subprocess.Popen(
            ["/bin/sh", "-c", f"{WAIT_FOR_CHILDREN}\n{command}"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=spec.environment,
            cwd=folder / WORK,
            process_group=0,
        )
    try:
        (folder / "pid").write_text(str(child.pid))
        cut = None
        while child.poll() is None and not cut:
            job_processes.reap_orphans(child.pid)
            if stop.wait(POLL_SECONDS):
                cut = TERMINATED
            elif time.time() >= spec.ends_at:
                cut = TIMED_OUT
        if cut:
            job_processes.send_all(folder.name, os.getpid(), child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(spec.grace_seconds)
    finally:
        job_processes.send_group(child.pid, signal.SIGKILL)  # including what the command left
        code = child.wait()
    return Ending(code if code >= 0 else 128 - code, cut)


def main() -> None:
    folder = Path(sys.argv[1])
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # A second signal doesn't end the agent before the job.
        signal.signal(number, lambda *_: stop.request())
    job_processes.adopt_orphans()
    spec = RunSpec.read_and_delete(folder)
    if spec.tied_to_stdin:
        stop.on_end_of_stdin()
    try:
        ending = run_job(spec, folder, stop)
    except OSError as error:
        ending = Ending(None, trouble=str(error))
    ending.write(folder)


if __name__ == "__main__":
    main()
