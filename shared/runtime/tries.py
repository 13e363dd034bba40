"""Counts attempts: a message's dequeue count, less how often it was handed back.

The dequeue count can't be lowered. So hand-backs by services that had to leave are recorded in
`logs`, for as long as the message exists.
"""

from contextlib import suppress

from shared.errors import Missing, StorageError
from shared.queues import Delivery
from shared.storage import Storage


class Tries:
    def __init__(self, storage: Storage) -> None:
        self._logs = storage.container("logs")
        #: A service that leaves has no time to retry.
        self._logs_without_retries = storage.container("logs")
        self._logs_without_retries.outage_seconds = 0

    def count(self, delivery: Delivery) -> None:
        """Subtract the hand-backs from the delivery's attempts."""
        if delivery.attempt > 1:
            with suppress(Missing, ValueError):
                delivery.hand_backs = int(self._logs.read(note_of(delivery)))
            delivery.attempt = max(1, delivery.attempt - delivery.hand_backs)

    def hand_back(self, delivery: Delivery) -> None:
        """Hand the message back; a crash in between counts one attempt less."""
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
