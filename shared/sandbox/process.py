"""A child process as its parent sees it: starts it, talks to it, enforces its time limits."""

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
from shared.sandbox.channel import Channel, ProtocolError
from shared.sandbox.limits import Limits, limit_cpu
from shared.sandbox.protocol import ADAPTER, AnyMessage, Ready

POLL_SECONDS = 0.2
#: The limit on the warm-up, which takes about a second on an idle machine.
START_SECONDS = 120.0
PIPE_BYTES = 1 << 20
#: Variables that Python needs to start.
KEPT = ("LD_LIBRARY_PATH", "PYTHONHOME")

Check = Callable[[], None]


class ChildProcess:
    def __init__(self, module: str, limits: Limits) -> None:
        self._limits = limits
        self._check: Check = lambda: None
        self._until = self._waited = 0.0
        self._most = START_SECONDS
        child_read, write = new_pipe()
        read, child_write = new_pipe()
        os.set_blocking(write, False)
        self._channel = Channel(read, write, self._wait)
        args = [module, *map(str, (child_read, child_write, os.getpid(), limits.memory_mib))]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.sandbox.child", *args],
                env=environment(),
                pass_fds=(child_read, child_write),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except BaseException:
            self._channel.close()
            raise
        finally:
            os.close(child_read)
            os.close(child_write)
        #: Ready for the next task: all messages of the last one have been read.
        self.idle = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, check: Check) -> str | None:
        """Returns why it isn't confined; None if it is."""
        self._check = check
        message, _ = self._receive(START_SECONDS)
        if not isinstance(message, Ready):
            raise ChildDied(f"it could not start: {getattr(message, 'text', message)}")
        self.idle = True
        return message.unconfined

    def start_task(self, check: Check, task: Mapping[str, object]) -> None:
        self.idle = False
        self._check, self._waited = check, 0.0
        self._most = self._limits.total_seconds
        with suppress(OSError):  # if it is dead, `send` raises
            limit_cpu(self._process.pid, self._limits.cpu)
        self.send({"kind": "task", **task})

    def send(self, header: Mapping[str, object], data: bytes = b"") -> None:
        self._until = time.monotonic() + self._limits.stall_seconds
        try:
            self._channel.send(dict(header), data)
        except (BrokenPipeError, ConnectionResetError):
            raise self._why_it_ended() from None

    def receive(self) -> tuple[AnyMessage, bytes]:
        return self._receive(self._limits.stall_seconds)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill it and close the pipes. No other thread may use it then: descriptors are reused."""
        self.kill()
        self._channel.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.end()

    def _receive(self, seconds: float) -> tuple[AnyMessage, bytes]:
        self._until = time.monotonic() + seconds
        try:
            header, data = self._channel.receive()
            return ADAPTER.validate_python(header), data
        except (EOFError, ConnectionResetError):
            raise self._why_it_ended() from None
        except (ProtocolError, ValidationError) as error:
            raise ChildDied(f"it broke the protocol: {str(error)[:300]}") from None

    def _wait(self, descriptor: int, event: int) -> None:
        """Until the pipe is ready. Only time spent here counts towards `total_seconds`."""
        poll = select.poll()
        poll.register(descriptor, event)
        began = time.monotonic()
        before = self._waited
        while not poll.poll(POLL_SECONDS * 1000):
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

    def _why_it_ended(self) -> ChildDied:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(POLL_SECONDS * 25)
        code = self._process.returncode
        if code is None or code >= 0:
            return ChildDied(f"its process ended with code {code}")
        if code == -signal.SIGXCPU:
            return ChildDied(f"it used over {self._limits.cpu} s of processor time")
        crashed = f"it crashed its process ({signal.Signals(-code).name})"
        return ChildKilled(crashed) if code == -signal.SIGKILL else ChildDied(crashed)


def new_pipe() -> tuple[int, int]:
    read, write = os.pipe()
    with suppress(OSError, AttributeError):  # only Linux has larger pipes, and limits their number
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return read, write


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
