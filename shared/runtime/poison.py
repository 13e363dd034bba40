"""Where messages go that nobody can handle: `<queue>-poison`, with the reason, for a person."""

import os
import socket
import traceback
from datetime import UTC, datetime

from shared.errors import TooBig
from shared.jobs import Jobs
from shared.messages import Body, Poisoned
from shared.queues import Delivery
from shared.storage import Storage

LONGEST_REASON = 1_000
LONGEST_ERROR = 8_000


class PoisonBox:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs = Jobs(storage)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def keep(
        self, delivery: Delivery, message: Body | None, reason: str, error: BaseException | None
    ) -> None:
        """Fail the message's job, and keep the message; doing it twice does no harm."""
        if message is not None:
            self._jobs.fail_of(message, reason)
        trouble = "".join(traceback.format_exception(error)) if error else None
        poisoned = Poisoned(
            queue=delivery.queue.name,
            message_id=delivery.id,
            reason=reason[:LONGEST_REASON],
            error=trouble[-LONGEST_ERROR:] if trouble else None,
            attempts=delivery.attempt,
            worker=self._worker,
            at=datetime.now(UTC),
            job=getattr(message, "job", None),
            body=delivery.text,
        )
        self._send(poisoned)

    def _send(self, poisoned: Poisoned) -> None:
        box = self._storage.poison(poisoned.queue)
        try:
            box.send(poisoned)
        except TooBig:  # the body was itself near the limit, and now wears an envelope
            name = f"poison/{poisoned.queue}/{poisoned.message_id}"
            self._storage.container("logs").write(name, (poisoned.body or "").encode())
            box.send(poisoned.model_copy(update={"body": None, "body_blob": name}))
