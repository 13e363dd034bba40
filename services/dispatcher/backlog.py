"""The chunks that wait for a worker, or are in one's hand."""

from collections.abc import Callable
from datetime import datetime

from shared.errors import Malformed
from shared.messages import ChunkPlanned, decode
from shared.queues import Delivery
from shared.runtime.poison import PoisonBox
from shared.storage import Storage

HOLD_SECONDS = 30
Unwanted = Callable[[ChunkPlanned, datetime], bool]


class Backlog:
    def __init__(self, storage: Storage) -> None:
        self._queue = storage.queue("chunks")
        self._poison = PoisonBox(storage)

    def add(self, chunk: ChunkPlanned) -> None:
        self._queue.send(chunk)

    def count(self) -> int:
        return self._queue.count()

    def clear(self, unwanted: Unwanted) -> None:
        """Take from its front what nobody wants, where there is no worker who would."""
        while (first := self._queue.peek()) and to_go(first.text, first.inserted, unwanted):
            delivery = self._queue.receive(HOLD_SECONDS)
            if delivery is None:
                return
            if not to_go(delivery.text, delivery.inserted, unwanted):
                delivery.hand_back()  # somebody else was faster with the first
                return
            self._take_off(delivery)

    def _take_off(self, delivery: Delivery) -> None:
        try:
            decode(delivery.text, ChunkPlanned)
        except Malformed as error:
            self._poison.keep(delivery, None, str(error), error)
        delivery.done()


def to_go(text: str, inserted: datetime, unwanted: Unwanted) -> bool:
    try:
        chunk = decode(text, ChunkPlanned)
    except Malformed:
        return True
    return unwanted(chunk, inserted)
