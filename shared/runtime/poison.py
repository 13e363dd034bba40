"""Puts messages that can't be handled into `<queue>-poison`, with the reason, for a person."""

import os
import socket
import traceback
from datetime import UTC, datetime

from shared.errors import TooBig, Unavailable
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import Body, Poisoned
from shared.queues import Delivery
from shared.storage import Storage
from shared.telemetry.redaction import redacted

log = logger()
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
        """Store the message, then fail its job. Idempotent, but for a second copy."""
        details = "".join(traceback.format_exception(error)) if error else None
        poisoned = Poisoned(
            queue=delivery.queue.name,
            message_id=delivery.id,
            reason=redacted(reason)[:LONGEST_REASON],
            error=redacted(details)[-LONGEST_ERROR:] if details else None,
            attempts=delivery.attempt,
            worker=self._worker,
            at=datetime.now(UTC),
            job=getattr(message, "job", None),
            body=delivery.text,
        )
        self._send(poisoned)
        if message is not None:
            self._fail_job_of(message, redacted(reason))

    def _fail_job_of(self, message: Body, reason: str) -> None:
        """Fail the message's job. Raises Unavailable only, so that the message is settled."""
        try:
            self._jobs.fail_job_of(message, reason)
        except Unavailable:
            raise
        except Exception as error:
            log.error("the poisoned message's job can't be failed", exc_info=error)

    def _send(self, poisoned: Poisoned) -> None:
        box = self._storage.poison(poisoned.queue)
        try:
            box.send(poisoned)
        except TooBig:  # with the reason, a body near the limit is over it
            name = f"poison/{poisoned.queue}/{poisoned.message_id}"
            self._storage.container("logs").write(name, (poisoned.body or "").encode())
            box.send(poisoned.model_copy(update={"body": None, "body_blob": name}))
