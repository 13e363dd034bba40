"""Tells a service to leave: on SIGTERM, on Ctrl-C, or when its parent has gone."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

LEFT_AT_ONCE = 130


class Stop:
    """A flag to wait on. It is a pipe, as signal handlers must not take a lock."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._on_poll: Callable[[], None] | None = None
        self._signalled_before = False
        #: Whether to leave at once.
        self.hurried = False

    def request(self) -> None:
        os.write(self._write, b".")

    def hurry(self) -> None:
        self.hurried = True
        self.request()

    def wait(self, seconds: float, *others: int) -> bool:
        """Wait until told to leave, for so many seconds at most; return whether to leave.

        It also returns when one of the other descriptors can be read.
        """
        if self._on_poll:
            self._on_poll()
        return self._read in select.select([self._read, *others], [], [], max(0, seconds))[0]

    @property
    def requested(self) -> bool:
        return self.wait(0)

    def on_poll(self, call: Callable[[], None]) -> "Stop":
        """Call it whenever the flag is polled, which every loop does."""
        self._on_poll = call
        return self

    def on_signals(self) -> "Stop":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        return self

    def on_end_of_stdin(self) -> "Stop":
        def watch() -> None:
            while os.read(sys.stdin.fileno(), 1):
                pass
            self.hurry()  # the parent has gone

        threading.Thread(target=watch, name="stdin", daemon=True).start()
        return self

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self._signalled_before:
            os._exit(LEFT_AT_ONCE)
        self._signalled_before = True
        self.request()
