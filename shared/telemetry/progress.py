"""When this process's handler last made progress: a step of its work, or an answer of storage."""

import threading
import time

#: Threads whose requests are no progress of the handler: they renew leases and keep logs.
OTHER_THREADS = ("MainThread", "claim", "job log")


class Progress:
    def __init__(self) -> None:
        self._last: float | None = None

    def begin(self) -> None:
        self._last = time.monotonic()

    def end(self) -> None:
        self._last = None

    def step(self) -> None:
        if self._last is not None and threading.current_thread().name not in OTHER_THREADS:
            self._last = time.monotonic()

    def why_hung(self, longest: float) -> str | None:
        """A sentence, if the handler has made no progress for longer than this."""
        last = self._last
        idle = time.monotonic() - last if last is not None else 0.0
        return f"its handler has made no progress for {idle:.0f} s" if idle > longest else None


progress = Progress()
