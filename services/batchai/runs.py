"""Running jobs, as the server has them: a folder each, whose lock is held while it runs."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

from services.batchai import family
from services.batchai.node import WORK, Ending, Order

#: How long the server waits for what it kills; it looks again later.
WAIT_SECONDS = 0.5


class Runs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(mode=0o700, exist_ok=True)

    def own(self, run: str) -> Path:
        """The folder that the job's command is run in, which goes with it."""
        return self._folder / run / WORK

    def start(self, run: str, order: Order, environment: Mapping[str, str]) -> None:
        """Raises `OSError` if it can't be, and leaves nothing running."""
        folder = self._folder / run
        (folder / WORK).mkdir(parents=True)
        order.write(folder)
        with (folder / "lock").open("w") as lock, (folder / "agent.log").open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            agent = subprocess.Popen(
                [sys.executable, "-m", "services.batchai.node", str(folder), str(lock.fileno())],
                # What ends our standard input ends the job, whether or not we still live by then.
                stdin=None if order.tied_to_stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, family.MARK: run},
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        self._agents[run] = agent
        try:
            (folder / "agent").write_text(str(agent.pid))
        except OSError:
            agent.kill()
            raise

    def going(self, run: str) -> bool:
        """Whether it still runs; what is left of one whose agent was killed is ended first."""
        agent = self._agents.get(run)
        if agent and agent.poll() is not None:
            del self._agents[run]
        if self._agent(run):
            return True
        return self.ending(run) is None and not self._end(run)

    def ending(self, run: str) -> Ending | None:
        """How it went; None if whatever should have noted it was killed."""
        return Ending.read(self._folder / run)

    def terminate(self, run: str) -> None:
        if agent := self._agent(run):
            family.send(agent, signal.SIGTERM)

    def kill(self, run: str) -> None:
        """As a node does that fails: nothing is noted."""
        if agent := self._agent(run):
            family.send(agent, signal.SIGKILL)
        self._end(run)

    def forget(self, run: str) -> None:
        if agent := self._agents.pop(run, None):
            agent.wait()
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def forget_all_but(self, known: Collection[str]) -> None:
        """What a server began that was killed before it could note that it had."""
        for folder in self._folder.iterdir():
            if folder.name not in known:
                self._end(folder.name)
                shutil.rmtree(folder, ignore_errors=True)

    def _end(self, run: str) -> bool:
        """All that is left of it; whether nothing is."""
        if self._locked(run) and (leader := self._pid(run, "pid")):
            # A command of the version before this one, which held the lock as well.
            family.send_group(leader, signal.SIGKILL)
        return family.kill_all(run, seconds=WAIT_SECONDS)

    def _agent(self, run: str) -> int:
        """The process that runs the job, as long as it lives; else 0."""
        pid = self._pid(run, "agent")
        return pid if pid and self._locked(run) and exists(pid) else 0

    def _pid(self, run: str, whose: str) -> int:
        try:
            return max(0, int((self._folder / run / whose).read_text()))
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
