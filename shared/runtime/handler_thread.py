"""Runs handlers in another thread, and renews the message's lease meanwhile."""

import concurrent.futures
import contextvars
import math
import time
from collections.abc import Callable

from azure.core.exceptions import AzureError

from shared.errors import Forbidden, ImpastoError, LeaseLost, StorageError
from shared.logs import logger
from shared.queues import Delivery
from shared.runtime.stop import Stop
from shared.runtime.work import Work
from shared.telemetry.progress import progress

Done = concurrent.futures.Future[object]
POLL_SECONDS = 0.2
log = logger()


class HandlerThread:
    def __init__(self, stop: Stop, drain_seconds: float, grace_seconds: float) -> None:
        self._stop = stop
        self._drain = drain_seconds
        self._grace = grace_seconds
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="handler")
        #: Whether a call was left running, which keeps the interpreter from exiting.
        self.abandoned = False

    def do(
        self,
        call: Callable[[], object],
        delivery: Delivery | None = None,
        work: Work | None = None,
    ) -> Done | None:
        """Call it and renew the lease meanwhile; return None if told to leave before it ends.

        After SIGTERM a handler has the drain time, then the grace period, in which `work.check`
        raises Stopping.
        """
        progress.begin()
        try:
            return self._wait_for(self._submit(call), delivery, work)
        finally:
            progress.end()

    def _submit(self, call: Callable[[], object]) -> Done:
        return self._thread.submit(contextvars.copy_context().run, call)

    def _wait_for(self, future: Done, delivery: Delivery | None, work: Work | None) -> Done | None:
        interrupt_at = abandon_at = math.inf
        while not future.done():
            now = time.monotonic()
            if interrupt_at == math.inf and self._stop.requested:
                interrupt_at = now + (self._drain if work else 0)
                if work and self._drain:
                    log.info("told to leave; finishing the message", within=self._drain)
            if abandon_at == math.inf and (now >= interrupt_at or self._stop.hurried):
                abandon_at = now + self._grace
                if work:
                    work.stop()
            if now >= abandon_at:
                self.abandoned = True
                return None
            if delivery and now >= delivery.renew_at and (lost := renewed(delivery)) and work:
                work.lose(lost)
            concurrent.futures.wait([future], timeout=POLL_SECONDS)
        return future

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def renewed(delivery: Delivery) -> ImpastoError | None:
    """Why the lease is lost, or None. A failed renewal loses it only once it has expired."""
    try:
        delivery.renew()
    except LeaseLost as error:
        return error
    except Forbidden as error:
        return error if delivery.expired else None
    except (StorageError, AzureError):
        return LeaseLost("the lease ran out unrenewed") if delivery.expired else None
    return None
