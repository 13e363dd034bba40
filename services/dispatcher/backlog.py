"""What waits for a worker, or is in one's hand: chunks, or lessons."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from shared.errors import Malformed
from shared.messages import BlobCreated, ChunkPlanned, decode
from shared.queues import Delivery
from shared.runtime.poison import PoisonBox
from shared.storage import Storage

HOLD_SECONDS = 30
#: One message after the other, a thousand nodes would wait for their chunks.
SENDERS = 8
Task = ChunkPlanned | BlobCreated
Unwanted = Callable[[Task, datetime], bool]


class Backlog:
    def __init__(self, storage: Storage, queue: str, kind: type[Task]) -> None:
        self._queue = storage.queue(queue)
        self._kind = kind
        self._poison = PoisonBox(storage)
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")

    def add(self, tasks: Iterable[Task]) -> None:
        list(self._senders.map(self._queue.send, tasks))

    def count(self) -> int:
        return self._queue.count()

    def clear(self, unwanted: Unwanted) -> None:
        """Take from its front what nobody wants, where there is no worker who would."""
        while (first := self._queue.peek()) and self._to_go(first.text, first.inserted, unwanted):
            delivery = self._queue.receive(HOLD_SECONDS)
            if delivery is None:
                return
            if not self._to_go(delivery.text, delivery.inserted, unwanted):
                delivery.hand_back()  # somebody else was faster with the first
                return
            self._take_off(delivery)

    def _take_off(self, delivery: Delivery) -> None:
        try:
            decode(delivery.text, self._kind)
        except Malformed as error:
            self._poison.keep(delivery, None, str(error), error)
        delivery.done()

    def _to_go(self, text: str, inserted: datetime, unwanted: Unwanted) -> bool:
        try:
            task = decode(text, self._kind)
        except Malformed:
            return True
        return unwanted(task, inserted)
