"""How often a message was tried: its dequeue count less the times that it was handed back.

The dequeue count can't be lowered. How often a message was handed back because its service had to
leave is recorded in `logs`, for as long as the message exists.
"""

from contextlib import suppress

from shared.errors import Missing, StorageError
from shared.queues import Delivery
from shared.storage import Storage


class Tries:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        #: Without retries: a service that leaves has no time to wait for storage.
        self._hasty = storage.container("logs")
        self._hasty.patience = 0

    def count(self, delivery: Delivery) -> None:
        """Subtract from the delivery's attempts those that were handed back."""
        if delivery.attempt > 1:
            with suppress(Missing, ValueError):
                delivery.spared = int(self._logs.read(note_of(delivery)))
            delivery.attempt = max(1, delivery.attempt - delivery.spared)

    def hand_back(self, delivery: Delivery) -> None:
        """A crash in between costs nothing but one more try."""
        with suppress(StorageError):
            self._hasty.write(note_of(delivery), str(delivery.spared + 1).encode())
        delivery.hand_back()

    def forget(self, delivery: Delivery) -> None:
        """Delete the record: the message has been deleted."""
        if delivery.spared:
            with suppress(StorageError):
                self._hasty.delete(note_of(delivery))


def note_of(delivery: Delivery) -> str:
    return f"handed-back/{delivery.queue.name}/{delivery.id}"
