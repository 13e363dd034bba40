"""Being told to leave: by SIGTERM, by Ctrl-C, or by a parent that is gone."""

import os
import select
import signal
import sys
import threading
from types import FrameType

LEFT_AT_ONCE = 130


class Stop:
    """A flag to wait on. Signal handlers may only write to a pipe: they must not take a lock."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def request(self) -> None:
        os.write(self._write, b".")

    def wait(self, seconds: float) -> bool:
        """Whether to leave, known at once or after so many seconds."""
        return bool(select.select([self._read], [], [], max(0, seconds))[0])

    @property
    def requested(self) -> bool:
        return self.wait(0)

    def on_signals(self) -> "Stop":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        return self

    def on_end_of_stdin(self) -> "Stop":
        def watch() -> None:
            while os.read(sys.stdin.fileno(), 1):
                pass
            self.request()

        threading.Thread(target=watch, name="stdin", daemon=True).start()
        return self

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            os._exit(LEFT_AT_ONCE)
        self.request()
