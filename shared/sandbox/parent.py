"""The parent's side: runs tasks in child processes, and validates whatever they send.

Each run has a child to itself. The child is reused if the task ran to its end, else killed.
"""

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import ChildDied, Misconfigured, Refused
from shared.logs import logger
from shared.sandbox.file_server import Files, FileServer, Output
from shared.sandbox.limits import Limits
from shared.sandbox.process import Check, ChildProcess
from shared.sandbox.protocol import End, Failed, Item

log = logger()
M = TypeVar("M", bound=BaseModel)


class Result(NamedTuple, Generic[M]):
    """What a task yields."""

    value: M
    data: bytes


class Sandbox:
    def __init__(self, module: str, limits: Limits, required: bool) -> None:
        """`module` has the TASKS; with `required`, they don't run where they can't be confined."""
        self._module = module
        self._limits = limits
        self._required = required
        self._lock = threading.Lock()
        #: All living children; at most one of them is idle.
        self._children: set[ChildProcess] = set()
        self._idle: ChildProcess | None = None
        self._warned = False

    def start(self, check: Check = lambda: None) -> None:
        """Start a child ahead of the first run.

        Raises Misconfigured if it must be confined and can't be. Other errors are left to the run
        that needs the child.
        """
        with suppress(ChildDied):
            self._give_back(self._take(check))

    @contextmanager
    def run(
        self,
        check: Check,
        task: str,
        kind: type[M],
        args: Mapping[str, object],
        files: Files,
        output: Output | None = None,
    ) -> Iterator[Iterator[Result[M]]]:
        """The results of the task. `check` is called while waiting; it raises to stop the run.

        Raises Refused if the task does, ChildDied if the child fails, and errors of storage or
        disk that occur while its files are served.
        """
        child = self._take(check)
        message = {"task": task, "args": args}
        try:
            with (
                FileServer(files, output) as server,
                closing(results(child, check, kind, message, server)) as found,
            ):
                yield found
        finally:
            self._give_back(child)

    def close(self) -> None:
        """Kill all children, including those that are running tasks."""
        with self._lock:
            running, idle = self._children - {self._idle}, self._idle
            self._children, self._idle = set(), None
        for child in running:
            child.kill()  # its run notices, and closes the pipes
        if idle:
            idle.end()

    def _take(self, check: Check) -> ChildProcess:
        with self._lock:
            child, self._idle = self._idle, None
            if child and child.alive:
                return child
            if child:
                self._children.discard(child)
                child.end()
            child = ChildProcess(self._module, self._limits)
            self._children.add(child)
        try:
            self._accept(child.wait_until_ready(check))
        except BaseException:
            self._give_back(child, keep=False)
            raise
        return child

    def _accept(self, unconfined: str | None) -> None:
        if unconfined and self._required:
            raise Misconfigured(
                f"IMPASTO_REQUIRE_SANDBOX is set, but files can't be opened in a sandbox: "
                f"{unconfined}"
            )
        if unconfined and not self._warned:
            self._warned = True
            log.warning("files are opened without a sandbox", why=unconfined)

    def _give_back(self, child: ChildProcess, keep: bool = True) -> None:
        with self._lock:
            if keep and child.idle and child in self._children and self._idle is None:
                self._idle = child
                return
            self._children.discard(child)
        child.end()


def results(
    child: ChildProcess,
    check: Check,
    kind: type[M],
    task: Mapping[str, object],
    server: FileServer,
) -> Generator[Result[M]]:
    child.start_task(check, task)
    while True:
        message, data = child.receive()
        if isinstance(message, Item):
            yield Result(validated(kind, message.value), data)
        elif isinstance(message, End):
            child.idle = True
            return
        elif isinstance(message, Failed):
            child.idle = True
            raise error_of(message)
        elif answer := server.answer(message, data):
            child.send(*answer)


def validated(kind: type[M], value: object) -> M:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise ChildDied(f"it sent an invalid result: {str(error)[:300]}") from None


def error_of(failed: Failed) -> Exception:
    if failed.how == "refused":
        return Refused(failed.text)
    if failed.how == "memory":
        return ChildDied(failed.text)
    return RuntimeError(failed.text)
