"""What waits for a worker, or is in one's hand: chunks, or lessons."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from shared.errors import LeaseLost, Malformed
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
        while any(self._to_go(w.text, w.inserted, unwanted) for w in self._queue.peek(1)):
            delivery = self._queue.receive(HOLD_SECONDS)
            if delivery is None:
                return
            with suppress(LeaseLost):  # somebody else settled it first
                if not self._take_off(delivery, unwanted):
                    return

    def _take_off(self, delivery: Delivery, unwanted: Unwanted) -> bool:
        """To poison where the message or its job's record can't be read, as a worker would do."""
        task = None
        try:
            task = decode(delivery.text, self._kind)
            if not unwanted(task, delivery.inserted):
                delivery.hand_back()  # it isn't the one that was looked at
                return False
        except Malformed as error:
            self._poison.keep(delivery, task, str(error), error)
        delivery.done()
        return True

    def _to_go(self, text: str, inserted: datetime, unwanted: Unwanted) -> bool:
        try:
            return unwanted(decode(text, self._kind), inserted)
        except Malformed:
            return True
