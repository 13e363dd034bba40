"""The hand that works: a thread of its own, so that the other is free to keep the lease."""

import concurrent.futures
import contextvars
import time
from collections.abc import Callable

from azure.core.exceptions import AzureError

from shared.errors import Forbidden, ImpastoError, LeaseLost, StorageError
from shared.queues import Delivery
from shared.runtime.stop import Stop
from shared.runtime.work import Work

Done = concurrent.futures.Future[object]
LOOK_SECONDS = 0.2


class Hand:
    def __init__(self, stop: Stop, grace_seconds: float) -> None:
        self._stop = stop
        self._grace = grace_seconds
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="hand")
        #: Whether something was left undone in it, which holds the interpreter open.
        self.abandoned = False

    def do(
        self,
        call: Callable[[], object],
        delivery: Delivery | None = None,
        work: Work | None = None,
    ) -> Done | None:
        """Do it, renewing the lease meanwhile; None when told to leave before it was done."""
        future: Done = self._thread.submit(contextvars.copy_context().run, call)
        leave_at: float | None = None
        while not future.done():
            now = time.monotonic()
            if leave_at is None and self._stop.requested:
                leave_at = now + self._grace
                if work:
                    work.stop()
            if leave_at is not None and now >= leave_at:
                self.abandoned = True
                return None
            if delivery and now >= delivery.renew_at and (lost := renewed(delivery)) and work:
                work.lose(lost)
            concurrent.futures.wait([future], timeout=LOOK_SECONDS)
        return future

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def renewed(delivery: Delivery) -> ImpastoError | None:
    """Why the lease is no longer ours. Not renewed, it is ours until it would have run out."""
    try:
        delivery.renew()
    except LeaseLost as error:
        return error
    except Forbidden as error:
        return error if delivery.expired else None
    except (StorageError, AzureError):
        return LeaseLost("the lease ran out unrenewed") if delivery.expired else None
    return None
