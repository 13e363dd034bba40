"""Starts, watches and kills the agents that run jobs.

Each run has a folder. Its agent holds a lock on a file there for as long as it lives, so a
restarted server can tell which jobs still run.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

from services.batchai import job_processes
from services.batchai.node_agent import WORK, Ending, RunSpec

#: How long to wait for killed processes at a time; the next call waits again.
WAIT_SECONDS = 0.5


class Runs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(mode=0o700, exist_ok=True)

    def work_folder(self, run: str) -> Path:
        """The working directory of the job's command; removed with the run."""
        return self._folder / run / WORK

    def start(self, run: str, spec: RunSpec, environment: Mapping[str, str]) -> None:
        """Raises `OSError` if it can't be started; then nothing is left running."""
        folder = self._folder / run
        (folder / WORK).mkdir(parents=True)
        spec.write(folder)
        with (folder / "lock").open("w") as lock, (folder / "agent.log").open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            program = [sys.executable, "-m", "services.batchai.node_agent"]
            agent = subprocess.Popen(
                [*program, str(folder), str(lock.fileno())],
                # The agent ends with the server's standard input, even if the server is dead.
                stdin=None if spec.tied_to_stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, job_processes.MARK: run},
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        self._agents[run] = agent
        try:
            (folder / "agent").write_text(str(agent.pid))
        except OSError:
            agent.kill()
            raise

    def has_ended(self, run: str) -> bool:
        if agent := self._agents.get(run):
            agent.poll()  # else an ended child would still count as a process
        return not self._agent_pid(run)

    def ending(self, run: str) -> Ending | None:
        """None if the agent was killed before it could write it."""
        return Ending.read(self._folder / run)

    def terminate(self, run: str) -> None:
        if agent := self._agent_pid(run):
            job_processes.send(agent, signal.SIGTERM)

    def kill(self, run: str) -> None:
        """Like a failing node: the agent writes no ending."""
        if agent := self._agent_pid(run):
            job_processes.send(agent, signal.SIGKILL)
        self.kill_rest(run)

    def kill_rest(self, run: str) -> bool:
        """Kill what an agent left running; whether all of it has ended."""
        if self._locked(run) and (leader := self._pid(run, "pid")):
            # A command started by an earlier version, which holds the lock as well.
            job_processes.send_group(leader, signal.SIGKILL)
        return job_processes.kill_all(run, seconds=WAIT_SECONDS)

    def remove(self, run: str) -> None:
        if agent := self._agents.pop(run, None):
            agent.wait()
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def remove_all_but(self, known: Collection[str]) -> None:
        """Kill and remove runs of which the killed server before this one has no record."""
        for folder in self._folder.iterdir():
            if folder.name not in known:
                self.kill_rest(folder.name)
                shutil.rmtree(folder, ignore_errors=True)

    def _agent_pid(self, run: str) -> int:
        """0 if the agent has ended."""
        pid = self._pid(run, "agent")
        return pid if pid and self._locked(run) and exists(pid) else 0

    def _pid(self, run: str, file: str) -> int:
        try:
            return max(0, int((self._folder / run / file).read_text()))
        except (OSError, ValueError):
            return 0

    def _locked(self, run: str) -> bool:
        path = self._folder / run / "lock"
        if not path.exists():
            return False
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def new_run() -> str:
    return uuid.uuid4().hex


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
