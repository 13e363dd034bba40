"""A child process for what may hang, crash or eat memory: that costs the caller an error, no more.

The child is kept for the next call; a call that goes wrong, or is given up, costs the child.
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
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
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
        self._child: BaseProcess | None = None
        self._line: Connection | None = None

    def run(
        self,
        check: Callable[[], None],
        function: Callable[P, Iterator[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Generator[T, None, None]:
        """What the function yields, in the child; `check` is asked whether to go on waiting."""
        line = self._ready()
        whole = False
        try:
            line.send((function, args, kwargs))
            while True:
                kind, value = self._next(line, check)
                if kind == "item":
                    yield value
                    continue
                whole = True
                if kind == "error":
                    raise value
                return
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        if self._line:
            self._line.close()
        if self._child:
            self._child.kill()
            self._child.join()
        self._child = self._line = None

    def _ready(self) -> Connection:
        if self._line and self._child and self._child.is_alive():
            return self._line
        self.close()
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._child = context.Process(
            target=_serve, args=(theirs, self._memory, os.getpid()), name="cage", daemon=True
        )
        self._child.start()
        theirs.close()
        return self._line

    def _next(self, line: Connection, check: Callable[[], None]) -> tuple[str, Any]:
        until = time.monotonic() + self._stall
        while not line.poll(LOOK_SECONDS):
            check()
            if time.monotonic() > until:
                raise ChildDied(f"it made no progress for {self._stall:.0f} s")
        try:
            kind, value = line.recv()
        except (EOFError, ConnectionResetError):
            raise self._fate() from None
        return kind, value

    def _fate(self) -> ChildDied:
        assert self._child
        self._child.join(LOOK_SECONDS * 25)
        code = self._child.exitcode
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
