"""The poison queues, as a person sees them: listed, shown, put back, thrown away."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial

from pydantic import BaseModel

from services.console.job_control import JobControl
from shared.errors import LeaseLost, Malformed, Missing, Taken
from shared.jobs import Jobs
from shared.messages import Poisoned, decode
from shared.queues import Delivery, Waiting
from shared.storage import QUEUES, Storage

#: How long messages stay hidden that were received by somebody who was killed before handing back.
HIDDEN_SECONDS = 30
AT_A_TIME = 8
#: Who holds the lease of this blob, in `logs`, may hide messages; others wait.
LOCK = "poison-desk"


class Entry(BaseModel):
    """One poisoned message; `id` is the one it had on its own queue, and has in the logs."""

    id: str
    queue: str
    reason: str
    job: str | None = None
    attempts: int | None = None
    worker: str | None = None
    at: datetime | None = None
    error: str | None = None
    body: str | None = None


class PoisonQueues:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs = Jobs(storage)
        self._control = JobControl(storage)

    def entries(self) -> list[Entry]:
        """All of them, however many people look at the same time."""
        return [entry for name in QUEUES for entry in self._listed(name)]

    def _listed(self, queue: str) -> list[Entry]:
        box = self._storage.poison(queue)
        count = box.count()
        waiting: Sequence[Waiting | Delivery] = box.peek()
        if len(waiting) < count:  # more than can be peeked at, or somebody has some of them
            with self._alone(), ThreadPoolExecutor(AT_A_TIME) as pool:
                held = self._hold(queue)
                list(pool.map(put_back, held))
            waiting = held
        return [self._entry(queue, message.id, message.text) for message in waiting]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else hides messages from us, nor we from them."""
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
        """All of a queue; what somebody hid who was killed is waited for."""
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
        """Back to its queue; and its job goes on from where it was."""
        return self._each(chosen, self._requeue)

    def purge(self, chosen: Callable[[Entry], bool]) -> int:
        """Gone for good, and with it what its job had half done."""
        return self._each(chosen, self._forget)

    def _each(self, chosen: Callable[[Entry], bool], act: Callable[[Entry], None]) -> int:
        def settle(queue: str, delivery: Delivery) -> bool:
            entry = self._entry(queue, delivery.id, delivery.text)
            if not chosen(entry):
                put_back(delivery)
                return False
            act(entry)
            with suppress(LeaseLost):  # it took so long that somebody else has settled it
                delivery.done()
            return True

        with self._alone(), ThreadPoolExecutor(AT_A_TIME) as pool:
            return sum(sum(pool.map(partial(settle, queue), self._hold(queue))) for queue in QUEUES)

    def _requeue(self, entry: Entry) -> None:
        if entry.job:
            with suppress(Missing, Malformed):  # the message is all that is known of its job
                self._jobs.reopen(entry.job)
                self._control.retry(entry.job)
        if entry.body is not None:
            self._storage.queue(entry.queue).send_text(entry.body)

    def _forget(self, entry: Entry) -> None:
        with suppress(Malformed):  # what can't be judged is kept
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
    with suppress(LeaseLost):  # it took so long that it is back already
        delivery.hand_back()
