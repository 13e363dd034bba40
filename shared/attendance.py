"""When a worker last got to work: the sign, for whoever starts them, that workers can."""

from datetime import datetime

from shared.storage import Storage

SIGN = "a-worker-got-to-work"


class Attendance:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        self._signed = False

    def sign(self) -> None:
        """Once in a worker's life is enough."""
        if not self._signed:
            self._logs.write(SIGN, b"")
            self._signed = True

    def last_signed(self) -> datetime | None:
        found = self._logs.find(SIGN)
        return found.modified if found else None
