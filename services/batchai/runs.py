"""Running jobs, as the server has them: a folder each, whose lock is held while it runs."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from services.batchai.node import Ending, Order, signal_group


class Runs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(mode=0o700, exist_ok=True)

    def start(self, run: str, order: Order, environment: Mapping[str, str]) -> None:
        folder = self._folder / run
        folder.mkdir()
        order.write(folder)
        with (folder / "lock").open("w") as lock, (folder / "agent.log").open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            agent = subprocess.Popen(
                [sys.executable, "-m", "services.batchai.node", str(folder), str(lock.fileno())],
                # What ends our standard input ends the job, whether or not we still live by then.
                stdin=None if order.tied_to_stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        (folder / "agent").write_text(str(agent.pid))
        self._agents[run] = agent

    def going(self, run: str) -> bool:
        """Whether it still runs; a command whose agent was killed is ended first."""
        agent = self._agents.get(run)
        if agent and agent.poll() is not None:
            del self._agents[run]
        if not self._locked(run):
            return False
        if not exists(self._pid(run, "agent")):
            self._kill_command(run)
        return True

    def ending(self, run: str) -> Ending | None:
        """How it went; None if whatever should have noted it was killed."""
        return Ending.read(self._folder / run)

    def terminate(self, run: str) -> None:
        send(self._pid(run, "agent"), signal.SIGTERM)

    def kill(self, run: str) -> None:
        """As a node does that fails: nothing is noted."""
        send(self._pid(run, "agent"), signal.SIGKILL)
        self._kill_command(run)

    def forget(self, run: str) -> None:
        if agent := self._agents.pop(run, None):
            agent.wait()
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def _kill_command(self, run: str) -> None:
        if pid := self._pid(run, "pid"):
            signal_group(pid, signal.SIGKILL)

    def _pid(self, run: str, whose: str) -> int:
        path = self._folder / run / whose
        return int(path.read_text() or 0) if path.exists() else 0

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
    return pid > 0


def send(pid: int, number: signal.Signals) -> None:
    if pid > 0 and exists(pid):
        os.kill(pid, number)
