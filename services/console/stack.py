"""All services as processes on this machine, on an Azurite of their own."""

import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from azure.core.exceptions import AzureError

from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.crew import Crew, crew_of
from services.console.job_control import JobControl
from services.console.scoring import publish
from shared.errors import ImpastoError, Misconfigured
from shared.logs import logger
from shared.runtime.heartbeat import has_worked
from shared.runtime.serve import MISCONFIGURED
from shared.settings import Settings
from shared.storage import QUEUES, Storage

log = logger()
SERVICES = ("trigger", "splitter", "dispatcher", "stitcher")
WORKER = [sys.executable, "-m", "services.scorer"]
STOP_SECONDS = 15
#: A service that dies again and again before it has done anything is started ever more rarely.
LONGEST_REST = 30.0
#: What has no loop of ours is taken to have worked when it has lived for so long.
STEADY_SECONDS = 3.0


class Lifeline:
    """Standard input for children: it ends when cut, or when this process is gone."""

    def __init__(self) -> None:
        theirs, ours = os.pipe()
        self._theirs, self._ours = os.fdopen(theirs, "rb"), os.fdopen(ours, "wb")

    @property
    def end(self) -> int:
        return self._theirs.fileno()

    def cut(self) -> None:
        self._ours.close()
        self._theirs.close()


class Stack:
    #: `splitter-2` is a second splitter.
    services: tuple[str, ...] = SERVICES

    def __init__(self, data: Path, nodes: int | None = None) -> None:
        self.data = data.resolve()
        self._nodes = nodes
        self._crew: Crew | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, int] = {}
        self._rest_until: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._forgetful = False
        self._lock: IO[str] | None = None
        self._of_services, self._of_azurite = Lifeline(), Lifeline()
        self._closing = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tend", daemon=True)

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "logs").mkdir(exist_ok=True)
        try:
            self._lock = locked(self.data / "lock")
            self.accounts = self._make_accounts()
            self._start_azurite()
            self._crew = crew_of(self.data, self.accounts.settings(), self._nodes)
            for service in self._crew.services:  # after it: they take ports that it hasn't chosen
                self._start(service)
            self.storage = Storage(self.accounts.settings())
            self.storage.prepare()
            publish(self._environment())
            self._crew.wait(self._all_going)
            for service in self.services:
                self._start(service)
            self._tender.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _make_accounts(self) -> Accounts:
        return accounts.make(self.data)

    def _tend(self) -> None:
        """Start again what has died, until the stack is closed."""
        while not self._closing.wait(0.2):
            for name, process in list(self._processes.items()):
                died = process.poll() not in (None, MISCONFIGURED)
                if died and time.monotonic() >= self._rest_until.get(name, 0):
                    self._whatever_comes(name, partial(self._start_again, name, process))
            if self._forgetful:
                self._whatever_comes("azurite", self._remind)

    def _whatever_comes(self, name: str, act: Callable[[], None]) -> None:
        """What fails now is tried again; who tends must not die of it."""
        try:
            act()
        except (ImpastoError, AzureError, OSError) as error:
            log.warning("still in trouble", name=name, why=str(error))

    def _start_again(self, name: str, died: "subprocess.Popen[bytes]") -> None:
        deaths = 1 if self._has_worked(name) else self._deaths.get(name, 0) + 1
        self._deaths[name] = deaths
        self._rest_until[name] = time.monotonic() + min(LONGEST_REST, 0.1 * 2.0 ** min(deaths, 20))
        log.warning(
            "died; starting it again", name=name, code=died.returncode, log=str(self.log_of(name))
        )
        kill_group(died)
        if name == "azurite":
            self._forgetful = True
            self._start_azurite()
        else:
            self._start(name)

    def _has_worked(self, name: str) -> bool:
        """Before it died: then what it died of before is over."""
        lived = time.monotonic() - self._started.get(name, 0)
        no_loop = name in ("azurite", "batchai") and lived >= STEADY_SECONDS
        return no_loop or has_worked(self.heartbeat_of(name))

    def _remind(self) -> None:
        """Azurite, killed, has lost its last seconds, of blobs and of queues not the same ones.

        What its messages speak of may be forgotten, so all that is unfinished begins anew; what is
        done of it is still there. Gone again meanwhile, it has to be noticed soon.
        """
        impatient = self.accounts.settings().model_copy(update={"outage_seconds": 1})
        storage = Storage(impatient)
        storage.prepare()
        for name in QUEUES:
            storage.queue(name).clear()
        JobControl(storage).replay()
        self._forgetful = False

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def check(self) -> None:
        """Raises `Misconfigured` if a service refuses its settings: no restart will help."""
        for name, process in list(self._processes.items()):
            if process.poll() == MISCONFIGURED:
                raise Misconfigured(self.log_of(name).read_text(errors="replace").splitlines()[-1])

    def close(self) -> None:
        """Services first, so that they can hand back what they hold; storage last."""
        self._closing.set()
        if self._tender.is_alive():
            self._tender.join()
        store = self._processes.pop("azurite", None)
        end(list(self._processes.values()), STOP_SECONDS + Settings().drain_seconds)
        self._processes.clear()
        if self._crew:
            self._crew.close()
        self._of_services.cut()
        if store:
            end([store], STOP_SECONDS)
        self._of_azurite.cut()
        shutil.rmtree(self.data / "tmp", ignore_errors=True)  # what killed services left there
        if self._lock:
            self._lock.close()
            self._lock = None

    def log_of(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def scratch_of(self, service: str) -> Path:
        """What it has half done, on disk: gone when it starts anew, and with the stack."""
        return self.data / "tmp" / service

    def heartbeat_of(self, service: str) -> Path:
        return self.scratch_of(service) / "heartbeat"

    def log_of_cluster(self) -> Path:
        return self.log_of(self._crew.teller if self._crew else "dispatcher")

    def _start_azurite(self) -> None:
        self._started["azurite"] = time.monotonic()
        self._processes["azurite"] = azurite.start(
            self.accounts, self.data / "azurite", self.log_of("azurite"), self._of_azurite.end
        )

    def _start(self, service: str) -> None:
        self._started[service] = time.monotonic()
        scratch = self.scratch_of(service)
        shutil.rmtree(scratch, ignore_errors=True)  # it may have been killed
        scratch.mkdir(parents=True, exist_ok=True)
        with self.log_of(service).open("ab") as out:
            self._processes[service] = subprocess.Popen(
                [sys.executable, "-m", f"services.{service.partition('-')[0]}"],
                env=self._environment()
                | {"TMPDIR": str(scratch), "IMPASTO_HEARTBEAT": str(self.heartbeat_of(service))}
                | (self._crew.environment(service) if self._crew else {}),
                stdin=self._of_services.end,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for us to pass on, in order
            )

    def _environment(self) -> dict[str, str]:
        return (
            os.environ
            | self.accounts.environment()
            | {
                "IMPASTO_TIED_TO_STDIN": "true",
                "IMPASTO_BATCHAI_FOLDER": str(self.data / "batchai"),
                "IMPASTO_WORKER_COMMAND": f"exec {shlex.join(WORKER)}",
            }
            | ({"IMPASTO_NODES": str(self._nodes)} if self._nodes else {})
        )

    def _all_going(self) -> bool:
        return all(process.poll() is None for process in self._processes.values())


def locked(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Misconfigured(
            f"a stack is already up in {path.parent}; use another folder with --data"
        ) from None
    return file


def end(processes: "list[subprocess.Popen[bytes]]", seconds: float) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    until = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        kill_group(process)


def kill_group(leader: "subprocess.Popen[bytes]") -> None:
    """What a process that was killed has left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)
