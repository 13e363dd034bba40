"""When workers got to work, and were last at it: signs for whoever starts them."""

import time
from datetime import datetime

from shared.storage import Storage

GOT_TO_WORK, AT_WORK = "a-worker-got-to-work", "a-worker-is-at-work"
#: How often a worker signs while it works.
SIGN_SECONDS = 60.0


class Attendance:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        self._next_sign: float | None = None

    def sign(self) -> None:
        """Call it at every step of the work: it writes the first time, and then once a minute."""
        now = time.monotonic()
        if self._next_sign is None:
            self._logs.write(GOT_TO_WORK, b"")
        elif now < self._next_sign:
            return
        self._logs.write(AT_WORK, b"")
        self._next_sign = now + SIGN_SECONDS

    def got_to_work(self) -> datetime | None:
        """When the last worker that started took its first message."""
        return self._last(GOT_TO_WORK)

    def at_work(self) -> datetime | None:
        """When any worker was last seen working, give or take a minute."""
        return self._last(AT_WORK)

    def _last(self, sign: str) -> datetime | None:
        found = self._logs.find(sign)
        return found.modified if found else None
