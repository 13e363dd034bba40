"""When a worker last got to work: the sign, for whoever starts them, that workers can."""

from datetime import datetime

from shared.storage import Storage

SIGN = "a-worker-got-to-work"


class Attendance:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")

    def sign(self) -> None:
        self._logs.write(SIGN, b"")

    def last_signed(self) -> datetime | None:
        found = self._logs.find(SIGN)
        return found.modified if found else None
