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
        self._logs_without_retries = storage.container("logs")
        self._logs_without_retries.outage_seconds = 0

    def count(self, delivery: Delivery) -> None:
        """Subtract from the delivery's attempts those that were handed back."""
        if delivery.attempt > 1:
            with suppress(Missing, ValueError):
                delivery.hand_backs = int(self._logs.read(note_of(delivery)))
            delivery.attempt = max(1, delivery.attempt - delivery.hand_backs)

    def hand_back(self, delivery: Delivery) -> None:
        """A crash in between costs nothing but one more try."""
        with suppress(StorageError):
            self._logs_without_retries.write(note_of(delivery), b"%d" % (delivery.hand_backs + 1))
        delivery.hand_back()

    def forget(self, delivery: Delivery) -> None:
        """Delete the record: the message has been deleted."""
        if delivery.hand_backs:
            with suppress(StorageError):
                self._logs_without_retries.delete(note_of(delivery))


def note_of(delivery: Delivery) -> str:
    return f"handed-back/{delivery.queue.name}/{delivery.id}"
