"""A local stack: all services as processes on this machine, with their own Azurite."""

import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from azure.core.exceptions import AzureError

from services.console import accounts, azurite, web_access
from services.console.accounts import Accounts
from services.console.child_processes import (
    Child,
    Lifeline,
    end,
    kill_group,
    locked,
    start_module,
)
from services.console.recovery import recover
from services.console.restarts import Restarts
from services.console.scoring import publish
from services.console.web_access import WebAccess
from shared.clusters.backend import LocalWorkers
from shared.clusters.table import chosen
from shared.errors import ImpastoError, Misconfigured
from shared.logs import logger
from shared.prepare import prepare
from shared.runtime.heartbeat import has_worked
from shared.runtime.serve import MISCONFIGURED
from shared.settings import Settings
from shared.storage import Storage

log = logger()
SERVICES = ("trigger", "splitter", "dispatcher", "stitcher")
WORKER = [sys.executable, "-m", "services.scorer"]
STOP_SECONDS = 15
#: Azurite and Batch AI, which don't note that they work, count as having worked after this time.
WORKED_SECONDS = 3.0


class Stack:
    #: A name like `splitter-2` is a second splitter.
    services: tuple[str, ...] = SERVICES

    def __init__(self, data: Path, nodes: int | None = None, page: bool = False) -> None:
        """With `page`, the web service is started as well."""
        self.data = data.resolve()
        self._nodes = nodes
        self._has_page = page
        self.page: WebAccess | None = None
        self._workers: LocalWorkers | None = None
        self._processes: dict[str, Child] = {}
        self.restarts = Restarts()
        self._storage_lost_writes = False
        self._lock: IO[str] | None = None
        self._services_lifeline, self._azurite_lifeline = Lifeline(), Lifeline()
        self._closing = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervise", daemon=True)

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "logs").mkdir(exist_ok=True)
        try:
            self._lock = locked(self.data / "lock")
            self.accounts = self._make_accounts()
            self._start_azurite()
            self._workers = chosen().local(self.data, self.accounts.settings(), self._nodes)
            for service in self._workers.services:  # after Azurite, whose ports are chosen first
                self._start(service)
            self.storage = Storage(self.accounts.settings())
            if self._has_page:
                self.page = web_access.make(self.data)
            prepare(self.storage, self.page.origins if self.page else ())
            publish(self._environment())
            self._workers.wait(self._all_running)
            for service in (*self.services, *(("web",) if self.page else ())):
                self._start(service)
            self._supervisor.start()
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

    def _supervise(self) -> None:
        """Restart processes that have died, until the stack is closed."""
        while not self._closing.wait(0.2):
            for name, process in list(self._processes.items()):
                died = process.poll() not in (None, MISCONFIGURED)
                if died and self.restarts.may_start(name):
                    self._log_errors(name, partial(self._restart, name, process))
            if self._storage_lost_writes:
                self._log_errors("azurite", self._recover)

    def _log_errors(self, name: str, act: Callable[[], None]) -> None:
        """Log an error, which must not end the supervisor: it tries again."""
        try:
            act()
        except (ImpastoError, AzureError, OSError) as error:
            log.warning("couldn't be restarted; trying again", name=name, why=str(error))

    def _restart(self, name: str, died: Child) -> None:
        failed = died.returncode != -signal.SIGKILL and not self._has_worked(name)
        self.restarts.died(name, failed)
        log.warning("died; restarting", name=name, code=died.returncode, log=str(self.log_of(name)))
        kill_group(died)
        if name == "azurite":
            self._storage_lost_writes = True
            self._start_azurite()
        else:
            self._start(name)

    def _has_worked(self, name: str) -> bool:
        if name in ("azurite", "batchai"):
            return self.restarts.age(name) >= WORKED_SECONDS
        return has_worked(self.heartbeat_of(name))

    def _recover(self) -> None:
        recover(self.accounts.settings())
        self._storage_lost_writes = False

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def check(self) -> None:
        """Raise Misconfigured if a service refuses its settings: a restart won't help."""
        for name, process in list(self._processes.items()):
            if process.poll() == MISCONFIGURED:
                raise Misconfigured(self.log_of(name).read_text(errors="replace").splitlines()[-1])

    def close(self) -> None:
        """End the services first, so that they can hand back messages; then storage."""
        self._closing.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        azurite_process = self._processes.pop("azurite", None)
        end(list(self._processes.values()), STOP_SECONDS + Settings().drain_seconds)
        self._processes.clear()
        if self._workers:
            self._workers.close()
        self._services_lifeline.cut()
        if azurite_process:
            end([azurite_process], STOP_SECONDS)
        self._azurite_lifeline.cut()
        shutil.rmtree(self.data / "tmp", ignore_errors=True)  # files that killed services left
        if self._lock:
            self._lock.close()
            self._lock = None

    def log_of(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def scratch_of(self, service: str) -> Path:
        """The service's temporary files, which are deleted when it starts and with the stack."""
        return self.data / "tmp" / service

    def heartbeat_of(self, service: str) -> Path:
        return self.scratch_of(service) / "heartbeat"

    def log_of_cluster(self) -> Path:
        return self.log_of(self._workers.log_source if self._workers else "dispatcher")

    def _start_azurite(self) -> None:
        self.restarts.started("azurite")
        self._processes["azurite"] = azurite.start(
            self.accounts, self.data / "azurite", self.log_of("azurite"), self._azurite_lifeline.end
        )

    def _start(self, service: str) -> None:
        self.restarts.started(service)
        scratch = self.scratch_of(service)
        shutil.rmtree(scratch, ignore_errors=True)  # the last process may have been killed
        scratch.mkdir(parents=True, exist_ok=True)
        self._processes[service] = start_module(
            f"services.{service.partition('-')[0]}",
            self._environment()
            | {"TMPDIR": str(scratch), "IMPASTO_HEARTBEAT": str(self.heartbeat_of(service))}
            | (self._workers.environment(service) if self._workers else {}),
            self._services_lifeline,
            self.log_of(service),
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
            | (self.page.environment() if self.page else {})
        )

    def _all_running(self) -> bool:
        return all(process.poll() is None for process in self._processes.values())
