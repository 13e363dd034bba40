"""The poison queues, as a person sees them: listed, shown, put back, thrown away."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel

from services.console.jobs import Desk
from shared.errors import Malformed, Missing
from shared.jobs import Jobs
from shared.messages import Poisoned, decode
from shared.queues import Delivery
from shared.storage import QUEUES, Storage

#: How long messages are out of others' sight while all of a queue is looked through.
HIDDEN_SECONDS = 300
AT_A_TIME = 8


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


class PoisonDesk:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs = Jobs(storage)
        self._desk = Desk(storage)

    def entries(self) -> list[Entry]:
        found = list(self._all())
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(Delivery.hand_back, (delivery for _, delivery in found)))
        return [entry for entry, _ in found]

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
        def settle(found: tuple[Entry, Delivery]) -> bool:
            entry, delivery = found
            if not chosen(entry):
                delivery.hand_back()
                return False
            act(entry)
            delivery.done()
            return True

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            return sum(pool.map(settle, self._all()))

    def _requeue(self, entry: Entry) -> None:
        if entry.job:
            self._jobs.reopen(entry.job)
            with suppress(Missing):  # the message itself is all that is known of its job
                self._desk.retry(entry.job)
        if entry.body is not None:
            self._storage.queue(entry.queue).send_text(entry.body)

    def _forget(self, entry: Entry) -> None:
        if entry.job and self._jobs.outcome(entry.job):
            self._jobs.sweep(entry.job)

    def _all(self) -> Iterator[tuple[Entry, Delivery]]:
        for name in QUEUES:
            held = list(self._storage.poison(name).receive_all(HIDDEN_SECONDS))
            for delivery in held:
                yield self._entry(name, delivery), delivery

    def _entry(self, queue: str, delivery: Delivery) -> Entry:
        try:
            found = decode(delivery.text, Poisoned)
        except Malformed as error:
            return Entry(id=delivery.id, queue=queue, reason=str(error), body=delivery.text)
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
