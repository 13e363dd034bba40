"""A queue of tasks for workers: chunks to score, or models to learn."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime

from shared.errors import LeaseLost, Malformed
from shared.messages import BlobCreated, ChunkPlanned, decode
from shared.runtime.poison import PoisonBox
from shared.storage import Storage

LEASE_SECONDS = 30
#: Messages are sent in parallel, so that a thousand nodes don't wait for a thousand requests.
SENDERS = 8
Task = ChunkPlanned | BlobCreated


class Backlog:
    def __init__(self, storage: Storage, queue: str, kind: type[Task]) -> None:
        self._queue = storage.queue(queue)
        self._kind = kind
        self._poison = PoisonBox(storage)
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")

    def send(self, tasks: Iterable[Task]) -> None:
        """Send them as messages of the current span."""
        calls = [(copy_context(), task) for task in tasks]
        list(self._senders.map(lambda call: call[0].run(self._queue.send, call[1]), calls))

    def count(self) -> int:
        """About how many tasks there are, those that workers hold included."""
        return self._queue.count()

    def take_while(self, is_unwanted: Callable[[Task, datetime], bool]) -> Iterator[Task]:
        """Take tasks off the front of the queue; yield each one before its message is deleted.

        `is_unwanted` gets a task and the time at which it was sent. As with a worker, a message
        goes to the poison queue if it or its job's record can't be read.
        """
        while self._front_is(is_unwanted):
            delivery = self._queue.receive(LEASE_SECONDS)
            if delivery is None:
                return
            task = None
            with suppress(LeaseLost):  # somebody else settled it first
                try:
                    task = decode(delivery.text, self._kind)
                    if not is_unwanted(task, delivery.inserted):
                        delivery.hand_back()  # another message has come to the front
                        return
                    yield task
                except Malformed as error:
                    self._poison.keep(delivery, task, str(error), error)
                delivery.done()

    def _front_is(self, is_unwanted: Callable[[Task, datetime], bool]) -> bool:
        try:
            return any(
                is_unwanted(decode(waiting.text, self._kind), waiting.inserted)
                for waiting in self._queue.peek(1)
            )
        except Malformed:
            return True
