"""A child process for what may hang, crash or use up memory: that costs the caller an error.

A run has its child to itself. The child is kept for a later run only if this one ended whole;
else it is killed, with whatever it still had to say.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from shared.disk import is_full
from shared.errors import ChildDied, ChildKilled, ImpastoError

P = ParamSpec("P")
T = TypeVar("T")

LOOK_SECONDS = 0.2
MIB = 1024 * 1024


class Cage:
    def __init__(self, memory_mib: int, stall_seconds: float) -> None:
        self._memory = memory_mib * MIB
        self._stall = stall_seconds
        self._lock = threading.Lock()
        #: All that live; of these, one may be free. None as soon as the cage is closed.
        self._children: set[Child] = set()
        self._free: Child | None = None

    @contextmanager
    def run(
        self,
        check: Callable[[], None],
        function: Callable[P, Iterator[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Iterator[Iterator[T]]:
        """What the function yields, in the child; `check` is asked whether to go on waiting."""
        child = self._take()
        try:
            with closing(child.results(self._stall, check, (function, args, kwargs))) as results:
                yield results
        finally:
            self._give_back(child)

    def close(self) -> None:
        """End all children, also one that is at work."""
        with self._lock:
            children, self._children, self._free = self._children, set(), None
        for child in children:
            child.end()

    def _take(self) -> "Child":
        with self._lock:
            child, self._free = self._free, None
            if child and not child.alive:
                self._children.discard(child)
                child.end()
                child = None
            if child is None:
                child = Child(self._memory)
                self._children.add(child)
        return child

    def _give_back(self, child: "Child") -> None:
        with self._lock:
            if child.done and child in self._children and self._free is None:
                self._free = child
                return
            self._children.discard(child)
        child.end()


class Child:
    """One process, which serves one run at a time."""

    def __init__(self, memory: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, memory, os.getpid()), name="cage", daemon=True
        )
        self._process.start()
        theirs.close()
        #: Whether all that the last run had to say has been read.
        self.done = False

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._line.close()

    def results(self, stall: float, check: Callable[[], None], task: object) -> Generator[Any]:
        self.done = False
        try:
            self._line.send(task)
        except (BrokenPipeError, ConnectionResetError):
            raise self._fate() from None
        while True:
            kind, value = self._next(stall, check)
            if kind == "item":
                yield value
                continue
            self.done = True
            if kind == "error":
                raise value
            return

    def _next(self, stall: float, check: Callable[[], None]) -> tuple[str, Any]:
        until = time.monotonic() + stall
        while not self._line.poll(LOOK_SECONDS):
            check()
            if time.monotonic() > until:
                raise ChildDied(f"it made no progress for {stall:.0f} s")
        try:
            kind, value = self._line.recv()
        except (EOFError, ConnectionResetError):
            raise self._fate() from None
        return kind, value

    def _fate(self) -> ChildDied:
        self._process.join(LOOK_SECONDS * 25)
        code = self._process.exitcode
        if code is None or code >= 0:
            return ChildDied(f"its process ended with code {code}")
        crashed = f"it crashed its process ({signal.Signals(-code).name})"
        return ChildKilled(crashed) if code == -signal.SIGKILL else ChildDied(crashed)


def _serve(line: Connection, memory: int, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # not every system lets itself be limited
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            function, args, kwargs = line.recv()
            try:
                for item in function(*args, **kwargs):
                    line.send(("item", item))
                line.send(("end", None))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except MemoryError:
                line.send(("error", ChildDied(f"it wanted over {memory // MIB} MiB of memory")))
            except ImpastoError as error:
                line.send(("error", error))
            except Exception as error:
                told = f"{error!r} in a child process:\n{traceback.format_exc()}"
                full = is_full(error)
                line.send(("error", OSError(full, told) if full else RuntimeError(told)))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
