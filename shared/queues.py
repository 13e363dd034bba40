"""Azure Storage queues, and deliveries of their messages."""

import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import NamedTuple

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from shared.bells import ring
from shared.errors import LeaseLost, Missing
from shared.messages import Body, encode
from shared.outages import one_try, retry_outages
from shared.refusals import missing_place
from shared.telemetry.sending import sending, sent_by

FOREVER = -1
#: The longest visibility timeout, in seconds.
LONGEST_HIDDEN = 7 * 24 * 3600
#: So often an empty queue is asked before it is asked more seldom: for longer than a lease.
MANY_TIMES = 20
#: The id of no message.
NO_MESSAGE = "00000000-0000-0000-0000-000000000000"


class Queue:
    def __init__(
        self, client: QueueClient, outage_seconds: float, bells: Path | None = None
    ) -> None:
        self._client = client
        self._bells = bells
        self.name = client.queue_name
        self.url = client.url
        self.outage_seconds = outage_seconds

    @retry_outages
    def ensure(self) -> None:
        try:
            self._client.create_queue()
        except ResourceExistsError:
            return

    @retry_outages
    def probe(self, right: str) -> None:
        """Raise Forbidden without the right, Unprepared without the queue; change no message."""
        try:
            match right:
                case "count":
                    self._client.get_queue_properties()
                case "peek":
                    self._client.peek_messages(max_messages=1)
                case "receive":  # which includes settling: here, a message that doesn't exist
                    self._client.update_message(NO_MESSAGE, "AAAA", visibility_timeout=1)
                    self._client.delete_message(NO_MESSAGE, "AAAA")
                case "send":  # with a visibility timeout that is too long
                    self._client.send_message("", visibility_timeout=LONGEST_HIDDEN + 1)
        except ResourceNotFoundError as error:
            if missing_place(error):
                raise
        except HttpResponseError as error:
            if error.status_code != 400:
                raise

    def send(self, body: Body) -> None:
        with sending(self.name) as sender:
            self.send_text(encode(sent_by(body, sender)))

    @retry_outages
    def send_text(self, text: str, after: float = 0) -> None:
        self._client.send_message(text, visibility_timeout=ceil(after), time_to_live=FOREVER)
        self.ring(ceil(after))

    def ring(self, after: float = 0) -> None:
        """Tell the processes of this machine that there will be a message."""
        ring(self._bells, self.name, after)

    def receive(self, lease_seconds: float) -> "Delivery | None":
        """Receive a message, if there is one. Doesn't retry in outages."""
        asked = time.monotonic()
        raw = one_try(self._client.receive_message)(visibility_timeout=int(lease_seconds))
        return Delivery(self, raw, lease_seconds, asked) if raw else None

    def receive_all(self, hidden_seconds: int) -> Iterator["Delivery"]:
        """Receive all visible messages, and hide them for so long."""
        seen: set[str] = set()
        while batch := self._receive_batch(hidden_seconds):
            asked = time.monotonic()
            fresh = [raw for raw in batch if raw.id not in seen]
            if not fresh:
                return  # the queue is so long that its first messages are visible again
            seen |= {str(raw.id) for raw in fresh}
            yield from (Delivery(self, raw, hidden_seconds, asked) for raw in fresh)

    def receive_some(self, hidden_seconds: int) -> list["Delivery"]:
        """Receive the first visible messages, 32 at most, and hide them for so long."""
        asked = time.monotonic()
        batch = self._receive_batch(hidden_seconds)
        return [Delivery(self, raw, hidden_seconds, asked) for raw in batch]

    @retry_outages
    def _receive_batch(self, hidden_seconds: int) -> list[QueueMessage]:
        return list(
            self._client.receive_messages(max_messages=32, visibility_timeout=hidden_seconds)
        )

    @retry_outages
    def peek(self, most: int = 32) -> "list[Waiting]":
        """Return the first visible messages, 32 at most, without receiving them."""
        peeked = self._client.peek_messages(max_messages=most)
        return [Waiting(str(raw.id), str(raw.content), moment(raw)) for raw in peeked]

    @retry_outages
    def count(self) -> int:
        """About how many messages there are, including those in flight."""
        return self._client.get_queue_properties().approximate_message_count or 0

    @retry_outages
    def clear(self) -> None:
        self._client.clear_messages()

    def update(self, raw: QueueMessage, seconds: float) -> str:
        """Hide the message for so long from now; return its new pop receipt."""
        updated = one_try(self._client.update_message)(
            raw.id, raw.pop_receipt, visibility_timeout=ceil(seconds)
        )
        return str(updated.pop_receipt)

    def delete(self, raw: QueueMessage) -> None:
        one_try(self._client.delete_message)(raw.id, raw.pop_receipt)


class Lanes:
    """Several queues from which messages are received in turn.

    A queue that was empty isn't asked again for `rest_seconds`, or until it is hurried. If it was
    empty many times in a row, that time doubles each time, up to `longest_rest`.
    """

    def __init__(
        self, queues: Sequence[Queue], rest_seconds: float, longest_rest: float | None = None
    ) -> None:
        self._queues = deque(queues)
        self._rest = rest_seconds
        self._longest_rest = longest_rest or rest_seconds
        self._found_empty = dict.fromkeys((queue.name for queue in queues), 0)
        self._ask_at = dict.fromkeys((queue.name for queue in queues), 0.0)

    def hurry(self, names: Collection[str]) -> None:
        """Ask these queues next time even if they were empty."""
        for name in self._ask_at.keys() & names:
            self._ask_at[name] = 0
            self._found_empty[name] = 0

    @property
    def names(self) -> list[str]:
        return list(self._ask_at)

    def receive(self, lease_seconds: float) -> "Delivery | None":
        for _ in range(len(self._queues)):
            queue = self._queues[0]
            self._queues.rotate(-1)
            if time.monotonic() < self._ask_at[queue.name]:
                continue
            if delivery := queue.receive(lease_seconds):
                self._found_empty[queue.name] = 0
                return delivery
            doubled = max(0, self._found_empty[queue.name] - MANY_TIMES)
            rest = min(self._longest_rest, self._rest * 2.0 ** min(doubled, 30))
            self._ask_at[queue.name] = time.monotonic() + rest
            self._found_empty[queue.name] += 1
        return None


class Waiting(NamedTuple):
    id: str
    text: str
    inserted: datetime


class Delivery:
    """A received message: its text, its lease, and the ways to settle it."""

    def __init__(self, queue: Queue, raw: QueueMessage, lease_seconds: float, asked: float) -> None:
        self.queue = queue
        self.id = str(raw.id)
        self.text = str(raw.content)
        self.attempt = int(raw.dequeue_count or 1)
        #: Deliveries that don't count as attempts (shared/runtime/tries.py).
        self.hand_backs = 0
        self.inserted = moment(raw)
        self._raw = raw
        self._lease = int(lease_seconds)
        self._until = asked + self._lease
        self.renew_at = asked + self._lease / 3

    def renew(self) -> None:
        """Renew the lease. The pop receipt changes, and the old one becomes invalid."""
        asked = time.monotonic()
        self.renew_at = asked + min(1.0, self._lease / 3)  # retried soon if it fails
        self._settle(self._lease)
        self._until = asked + self._lease
        self.renew_at = asked + self._lease / 3

    @property
    def expired(self) -> bool:
        """Whether the lease has expired: another worker may have the message."""
        return time.monotonic() >= self._until

    def done(self) -> None:
        self._settle(None)

    def again(self, after: float) -> None:
        self._settle(after)
        self.queue.ring(ceil(after))

    def postpone(self, after: float) -> None:
        """Send it again, with no attempts counted. A crash in between leaves two messages."""
        self.queue.send_text(self.text, after)
        self.done()

    def hand_back(self) -> None:
        self._settle(0)
        self.queue.ring()

    def _settle(self, hidden_for: float | None) -> None:
        try:
            if hidden_for is None:
                self.queue.delete(self._raw)
            else:
                self._raw.pop_receipt = self.queue.update(self._raw, hidden_for)
        except Missing as error:
            raise LeaseLost("the message is gone: another worker finished it") from error
        except HttpResponseError as error:
            if getattr(error, "error_code", None) == "PopReceiptMismatch":
                raise LeaseLost("another worker has the message") from error
            raise


def moment(raw: QueueMessage) -> datetime:
    """When the message was sent, by storage's clock."""
    assert raw.inserted_on
    return raw.inserted_on
