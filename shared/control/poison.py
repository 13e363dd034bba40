"""Lists, shows, requeues and deletes the messages in the poison queues."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel

from shared.control.job_control import JobControl
from shared.errors import LeaseLost, Malformed, Missing, Taken
from shared.jobs import Jobs
from shared.messages import Poisoned, decode
from shared.queues import Delivery, Waiting
from shared.storage import QUEUES, Storage

#: How long messages are hidden from others while they are listed or settled.
HIDDEN_SECONDS = 30
AT_A_TIME = 8
#: Only the holder of the lease on this blob, in `logs`, hides messages; others wait.
LOCK = "poison-desk"


class Entry(BaseModel):
    """One poisoned message; `id` is the one it had on its own queue."""

    id: str
    queue: str
    reason: str
    job: str | None = None
    attempts: int | None = None
    worker: str | None = None
    at: datetime | None = None
    error: str | None = None
    body: str | None = None


class First(NamedTuple):
    """The first messages of each queue, and how many there are of each, and in all."""

    entries: list[Entry]
    counts: dict[str, int]
    messages: int


class PoisonQueues:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs = Jobs(storage)
        self._control = JobControl(storage)

    def entries(self) -> list[Entry]:
        """All messages, however many people list them at the same time."""
        return [entry for name in QUEUES for entry in self._listed(name)]

    def first(self) -> First:
        """What peeking shows, at most 32 messages of a queue; it hides none from anybody."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            counts = list(pool.map(lambda name: self._storage.poison(name).count(), QUEUES))
        found = [
            self._entry(name, message.id, message.text)
            for name, count in zip(QUEUES, counts, strict=True)
            if count
            for message in self._storage.poison(name).peek()
        ]
        by_queue = {name: count for name, count in zip(QUEUES, counts, strict=True) if count}
        return First(found, by_queue, max(sum(counts), len(found)))

    def _listed(self, queue: str) -> list[Entry]:
        box = self._storage.poison(queue)
        count = box.count()
        waiting: Sequence[Waiting | Delivery] = box.peek()
        if len(waiting) < count:  # more than one peek returns, or some are hidden
            with self._locked(), ThreadPoolExecutor(AT_A_TIME) as pool:
                held = self._hold(queue)
                list(pool.map(put_back, held))
            waiting = held
        return [self._entry(queue, message.id, message.text) for message in waiting]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock, so that nobody else hides messages."""
        logs = self._storage.container("logs")
        logs.write_once(LOCK, b"")
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(logs.claim(LOCK))
                    break
                except Taken:
                    time.sleep(0.1)
            yield

    def _hold(self, queue: str) -> list[Delivery]:
        """Receive all messages of a queue.

        Those that a killed process has hidden are waited for.
        """
        box = self._storage.poison(queue)
        until = time.monotonic() + HIDDEN_SECONDS + 1
        held: dict[str, Delivery] = {}
        while True:
            count = box.count()
            held |= {delivery.id: delivery for delivery in box.receive_all(HIDDEN_SECONDS)}
            if len(held) >= count or time.monotonic() > until:
                return list(held.values())
            time.sleep(0.1)

    def show(self, message_id: str) -> Entry:
        for entry in self.entries():
            if entry.id == message_id:
                return entry
        raise Missing(f"no poisoned message has the id {message_id}")

    def requeue(self, chosen: Callable[[Entry], bool]) -> int:
        """Send messages to their queues again, and continue their jobs; return how many."""
        return self._each(chosen, self._requeue)

    def purge(self, chosen: Callable[[Entry], bool]) -> int:
        """Delete messages and their jobs' intermediate results; return how many."""
        return self._each(chosen, self._purge)

    def _each(self, chosen: Callable[[Entry], bool], act: Callable[[Entry], None]) -> int:
        def settle(queue: str, delivery: Delivery) -> bool:
            entry = self._entry(queue, delivery.id, delivery.text)
            if not chosen(entry):
                return False
            act(entry)
            with suppress(LeaseLost):  # its lease has expired, and somebody else settled it
                delivery.done()
            return True

        with self._locked(), ThreadPoolExecutor(AT_A_TIME) as pool:
            return sum(self._settled(queue, partial(settle, queue), pool) for queue in QUEUES)

    def _settled(
        self, queue: str, settle: Callable[[Delivery], bool], pool: ThreadPoolExecutor
    ) -> int:
        """Settle a queue's messages, a few at a time so that no lease expires; return how many.

        Those that a killed process has hidden are waited for.
        """
        box = self._storage.poison(queue)
        until = time.monotonic() + HIDDEN_SECONDS + 1
        kept: dict[str, Delivery] = {}
        count = 0
        while True:
            batch = box.receive_some(HIDDEN_SECONDS)
            fresh = [delivery for delivery in batch if delivery.id not in kept]
            done = list(pool.map(settle, fresh))
            count += sum(done)
            rest = [each for each, is_done in zip(fresh, done, strict=True) if not is_done]
            kept |= {delivery.id: delivery for delivery in rest}
            kept |= {delivery.id: delivery for delivery in batch if delivery.id in kept}
            if fresh:
                until = time.monotonic() + HIDDEN_SECONDS + 1
            elif len(kept) >= box.count() or time.monotonic() > until:
                list(pool.map(put_back, kept.values()))
                return count
            elif not batch:
                time.sleep(0.1)

    def _requeue(self, entry: Entry) -> None:
        if entry.job:
            with suppress(Missing, Malformed):  # nothing else is recorded of its job
                self._jobs.reopen(entry.job)
                self._control.retry(entry.job)
        if entry.body is not None:
            self._storage.queue(entry.queue).send_text(entry.body)

    def _purge(self, entry: Entry) -> None:
        with suppress(Malformed):  # kept, if the outcome can't be read
            if entry.job and self._jobs.outcome(entry.job):
                self._jobs.sweep(entry.job)

    def _entry(self, queue: str, message_id: str, text: str) -> Entry:
        try:
            found = decode(text, Poisoned)
        except Malformed as error:
            return Entry(id=message_id, queue=queue, reason=str(error), body=text)
        body = found.body
        if found.body_blob:
            body = self._storage.container("logs").read(found.body_blob).decode()
        return Entry(
            id=found.message_id,
            queue=queue,
            reason=found.reason,
            job=found.job,
            attempts=found.attempts,
            worker=found.worker,
            at=found.at,
            error=found.error,
            body=body,
        )


def put_back(delivery: Delivery) -> None:
    with suppress(LeaseLost):  # its lease has expired: it is visible already
        delivery.hand_back()
