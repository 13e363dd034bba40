"""A child process as its parent sees it: a line to it, and how long it may take."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from pydantic import ValidationError

from shared.errors import ChildDied, ChildKilled
from shared.sandbox.limits import Limits, limit_cpu
from shared.sandbox.line import BrokenProtocol, Line
from shared.sandbox.protocol import SAID, Anything, Ready

LOOK_SECONDS = 0.2
#: Until it is ready: importing takes a second, on a machine that has nothing else to do.
START_SECONDS = 120.0
PIPE_BYTES = 1 << 20
#: What Python needs of the environment to find itself; all else stays here.
KEPT = ("LD_LIBRARY_PATH", "PYTHONHOME")

Check = Callable[[], None]


class Process:
    def __init__(self, module: str, limits: Limits) -> None:
        self._limits = limits
        self._check: Check = lambda: None
        self._until = self._waited = 0.0
        self._most = START_SECONDS
        theirs_in, ours_out = piped()
        ours_in, theirs_out = piped()
        os.set_blocking(ours_out, False)
        self._line = Line(ours_in, ours_out, self._wait)
        told = [module, *map(str, (theirs_in, theirs_out, os.getpid(), limits.memory_mib))]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.sandbox.child", *told],
                env=environment(),
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except BaseException:
            self._line.close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        #: Whether it is ready for the next task: all that it had to say of the last has been read.
        self.free = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def greet(self, check: Check) -> str | None:
        """Wait until it has warmed up; why it isn't confined, None where it is."""
        self._check = check
        said, _ = self._receive(START_SECONDS)
        if not isinstance(said, Ready):
            raise ChildDied(f"it could not start: {getattr(said, 'text', said)}")
        self.free = True
        return said.unconfined

    def begin(self, check: Check, task: Mapping[str, object]) -> None:
        self.free = False
        self._check, self._waited = check, 0.0
        self._most = self._limits.total_seconds
        with suppress(OSError):  # it is dead, as will be noticed
            limit_cpu(self._process.pid, self._limits.cpu)
        self.send({"kind": "task", **task})

    def send(self, header: Mapping[str, object], data: bytes = b"") -> None:
        self._until = time.monotonic() + self._limits.stall_seconds
        try:
            self._line.send(dict(header), data)
        except (BrokenPipeError, ConnectionResetError):
            raise self._fate() from None

    def receive(self) -> tuple[Anything, bytes]:
        return self._receive(self._limits.stall_seconds)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """For whoever has the process to himself: descriptors are numbers, and used again."""
        self.kill()
        self._line.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.end()

    def _receive(self, patience: float) -> tuple[Anything, bytes]:
        self._until = time.monotonic() + patience
        try:
            header, data = self._line.receive()
            return SAID.validate_python(header), data
        except (EOFError, ConnectionResetError):
            raise self._fate() from None
        except (BrokenProtocol, ValidationError) as error:
            raise ChildDied(f"it broke the protocol: {str(error)[:300]}") from None

    def _wait(self, descriptor: int, event: int) -> None:
        """Until the pipe can be used. Time in which the parent is busy doesn't count."""
        poll = select.poll()
        poll.register(descriptor, event)
        began = time.monotonic()
        before = self._waited
        while not poll.poll(LOOK_SECONDS * 1000):
            self._check()
            now = time.monotonic()
            self._waited = before + now - began
            if now > self._until:
                raise ChildDied(f"it made no progress for {self._limits.stall_seconds:.0f} s")
            if self._waited > self._most:
                raise self._too_long()
        self._waited = before + time.monotonic() - began
        if self._waited > self._most:
            raise self._too_long()

    def _too_long(self) -> ChildDied:
        return ChildDied(f"it took over {self._most:.0f} s")

    def _fate(self) -> ChildDied:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LOOK_SECONDS * 25)
        code = self._process.returncode
        if code is None or code >= 0:
            return ChildDied(f"its process ended with code {code}")
        if code == -signal.SIGXCPU:
            return ChildDied(f"it used over {self._limits.cpu} s of processor time")
        crashed = f"it crashed its process ({signal.Signals(-code).name})"
        return ChildKilled(crashed) if code == -signal.SIGKILL else ChildDied(crashed)


def piped() -> tuple[int, int]:
    read, write = os.pipe()
    with suppress(OSError, AttributeError):  # Linux alone has larger ones, and not without end
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return read, write


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
