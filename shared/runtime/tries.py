"""How often a message was tried: its deliveries, less those that ended in handing it back.

A queue counts deliveries, and nobody can lower its count. What is handed back for a service's own
sake is noted in `logs`, for as long as the message exists.
"""

from contextlib import suppress

from shared.errors import Missing, StorageError
from shared.queues import Delivery
from shared.storage import Storage


class Tries:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        #: For who is leaving: it has no time to wait out an outage.
        self._hasty = storage.container("logs")
        self._hasty.patience = 0

    def count(self, delivery: Delivery) -> None:
        """Take off from its attempts what was no try."""
        if delivery.attempt > 1:
            with suppress(Missing, ValueError):
                delivery.spared = int(self._logs.read(note_of(delivery)))
            delivery.attempt = max(1, delivery.attempt - delivery.spared)

    def hand_back(self, delivery: Delivery) -> None:
        """Killed between the two, it has one try more; that does no harm."""
        with suppress(StorageError):
            self._hasty.write(note_of(delivery), str(delivery.spared + 1).encode())
        delivery.hand_back()

    def forget(self, delivery: Delivery) -> None:
        """The message is gone."""
        if delivery.spared:
            with suppress(StorageError):
                self._hasty.delete(note_of(delivery))


def note_of(delivery: Delivery) -> str:
    return f"handed-back/{delivery.queue.name}/{delivery.id}"
