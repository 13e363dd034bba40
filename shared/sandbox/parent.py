"""The side that has the keys. It takes nothing that a child says on trust.

A run has its child to itself. The child is kept for a later run only if this one ended whole;
else it is killed, with whatever it still had to say.
"""

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import ChildDied, Misconfigured, Refused
from shared.logs import logger
from shared.sandbox.limits import Limits
from shared.sandbox.process import Check, Process
from shared.sandbox.protocol import End, Failed, Item
from shared.sandbox.serving import Files, Output, Served

log = logger()
M = TypeVar("M", bound=BaseModel)


class Answer(NamedTuple, Generic[M]):
    value: M
    data: bytes


class Sandbox:
    def __init__(self, module: str, limits: Limits, required: bool) -> None:
        """A task is a name in the module's TASKS; `required`: run confined or not at all."""
        self._module = module
        self._limits = limits
        self._required = required
        self._lock = threading.Lock()
        #: All that live; of these, one may be free.
        self._children: set[Process] = set()
        self._free: Process | None = None
        self._warned = False

    def start(self, check: Check = lambda: None) -> None:
        """Have a child ready; Misconfigured where it can't be confined, though it must be.

        What else is wrong with a child is for the run that needs it.
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
    ) -> Iterator[Iterator[Answer[M]]]:
        """What the task yields; `check` is asked whether to go on waiting.

        An error of storage or disk, met while the child is served, comes out as it is.
        """
        child = self._take(check)
        try:
            with (
                Served(files, output) as served,
                closing(answers(child, check, kind, {"task": task, "args": args}, served)) as found,
            ):
                yield found
        finally:
            self._give_back(child)

    def close(self) -> None:
        """End all children, also one that is at work."""
        with self._lock:
            at_work, free = self._children - {self._free}, self._free
            self._children, self._free = set(), None
        for child in at_work:
            child.kill()  # its run notices, and does the rest
        if free:
            free.end()

    def _take(self, check: Check) -> Process:
        with self._lock:
            child, self._free = self._free, None
            if child and child.alive:
                return child
            if child:
                self._children.discard(child)
                child.end()
            child = Process(self._module, self._limits)
            self._children.add(child)
        try:
            self._accept(child.greet(check))
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

    def _give_back(self, child: Process, keep: bool = True) -> None:
        with self._lock:
            if keep and child.free and child in self._children and self._free is None:
                self._free = child
                return
            self._children.discard(child)
        child.end()


def answers(
    child: Process, check: Check, kind: type[M], task: Mapping[str, object], served: Served
) -> Generator[Answer[M]]:
    child.begin(check, task)
    while True:
        said, data = child.receive()
        if isinstance(said, Item):
            yield Answer(checked(kind, said.value), data)
        elif isinstance(said, End):
            child.free = True
            return
        elif isinstance(said, Failed):
            child.free = True
            raise error_of(said)
        else:
            answer = served.answer(said, data)
            if answer:
                child.send(*answer)


def checked(kind: type[M], value: object) -> M:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise ChildDied(f"its answer makes no sense: {str(error)[:300]}") from None


def error_of(failed: Failed) -> Exception:
    if failed.how == "refused":
        return Refused(failed.text)
    if failed.how == "memory":
        return ChildDied(failed.text)
    return RuntimeError(failed.text)
