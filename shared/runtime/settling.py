"""After the handler: a message is deleted, retried, postponed, handed back or poisoned."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from shared.disk import disk_full_errno
from shared.errors import (
    Forbidden,
    Interrupted,
    LeaseLost,
    NotYet,
    Reject,
    Retry,
    StorageError,
    Unprepared,
)
from shared.logs import logger
from shared.messages import Body
from shared.queues import Delivery
from shared.runtime.access import Access
from shared.runtime.backoff import IdlePause, retry_delay
from shared.runtime.disk_wait import DiskWait
from shared.runtime.handler_thread import HandlerThread
from shared.runtime.outcomes import note
from shared.runtime.poison import PoisonBox
from shared.runtime.stop import Stop
from shared.runtime.tries import Tries
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry import metrics

log = logger()
#: Delay of a message that found the disk full; it is retried until there is room.
FULL_SECONDS = 10.0
#: Delay of a message that storage refused something to; it is retried until it is allowed.
REFUSED_SECONDS = 10.0


class Settling:
    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        stop: Stop,
        handlers: HandlerThread,
        access: Access,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._handlers = handlers
        self._access = access
        self._poison = PoisonBox(storage)
        self._disk_wait = DiskWait(storage)
        self._tries = Tries(storage)

    def count_tries(self, delivery: Delivery) -> bool:
        """Correct the number of attempts; False if the service was told to leave first."""
        counted = self._handlers.do(partial(self._tries.count, delivery), delivery)
        if counted is None:
            self._finish(delivery, delivery.hand_back)
            return False
        counted.result()
        return True

    def hand_back(self, delivery: Delivery) -> None:
        """Make the message visible at once; that doesn't count as an attempt."""
        self._finish(delivery, partial(self._tries.hand_back, delivery))

    def settle(self, delivery: Delivery, message: Body, error: BaseException | None) -> None:
        """Settle a message whose handler has returned, or raised this error."""
        if error is None:
            self._finish(delivery, delivery.done, gone=True)
            note("done", delivery)
            log.info("done")
        elif isinstance(error, LeaseLost):
            note("lease lost", delivery, why=str(error))
            log.warning("stopped: the lease was lost")
        elif isinstance(error, Interrupted):
            self.hand_back(delivery)
            note("handed back", delivery, why=str(error))
            log.info("handed back")
        elif isinstance(error, Reject):
            self.poison(delivery, message, str(error), error)
        elif isinstance(error, NotYet):
            self._finish(delivery, partial(delivery.postpone, error.after), gone=True)
            note("postponed", delivery, why=str(error), after=error.after)
            log.info("not yet", why=str(error), after=error.after)
        elif isinstance(error, Forbidden | Unprepared):
            self._access.recheck()
            self._finish(delivery, partial(delivery.postpone, REFUSED_SECONDS), gone=True)
            note("postponed", delivery, why=str(error), after=REFUSED_SECONDS)
            log.warning("not yet", why=str(error), after=REFUSED_SECONDS)
        elif disk_full_errno(error):
            self._wait_for_room(delivery, message, error)
        elif delivery.attempt >= self._settings.max_attempts:
            reason = f"failed {delivery.attempt} times; last: {type(error).__name__}: {error}"
            self.poison(delivery, message, reason, error)
        else:
            self._retry(delivery, error)

    def poison(
        self,
        delivery: Delivery,
        message: Body | None,
        reason: str,
        error: BaseException | None = None,
    ) -> None:
        """Store the message in poison, then delete it; a crash in between leaves a duplicate."""
        done = self._handlers.do(
            lambda: self._poison.keep(delivery, message, reason, error), delivery
        )
        if done is None:
            self.hand_back(delivery)
            return
        done.result()
        self._finish(delivery, delivery.done, gone=True)
        note("poisoned", delivery, error or reason, why=reason)
        log.error("poisoned", reason=reason, attempts=delivery.attempt)

    def _retry(self, delivery: Delivery, error: BaseException) -> None:
        first, longest = self._settings.retry_seconds, self._settings.retry_max_seconds
        if isinstance(error, Retry):
            after = error.after
        else:
            after = retry_delay(delivery.attempt, first, longest)
        self._finish(delivery, lambda: delivery.again(after))
        note("retried", delivery, error, why=f"{type(error).__name__}: {error}", after=after)
        log.warning(
            "failed, will be tried again",
            after=round(after, 1),
            error=f"{type(error).__name__}: {error}",
            exc_info=None if isinstance(error, Retry) else error,
        )

    def _wait_for_room(self, delivery: Delivery, message: Body, error: BaseException) -> None:
        """Postpone the message; poison it when no worker has had room for too long."""
        waited = timedelta(0)

        def count_the_wait() -> None:
            nonlocal waited
            if job := getattr(message, "job", None):
                waited = self._disk_wait.note(job)

        self._handlers.do(
            count_the_wait, delivery
        )  # if storage doesn't answer, the message is retried
        if waited > timedelta(seconds=self._settings.full_seconds):
            reason = f"there was no room on any disk for {waited.total_seconds():,.0f} s: {error}"
            self.poison(delivery, message, reason, error)
            return
        self._finish(delivery, partial(delivery.postpone, FULL_SECONDS), gone=True)
        metrics.DISK_FULL.inc()
        note("postponed", delivery, error, why="the disk is full", after=FULL_SECONDS)
        log.error("not yet", why="the disk is full", after=FULL_SECONDS, error=str(error))

    def _finish(self, delivery: Delivery, call: Callable[[], None], gone: bool = False) -> None:
        """Make the call, and repeat it in an outage; past its lease the message is visible again.

        `gone`: the call deletes the message.
        """
        pause = IdlePause(1)
        while True:
            try:
                call()
                if gone:
                    self._tries.forget(delivery)
                return
            except LeaseLost as error:
                note("lease lost", delivery, why=str(error))
                log.warning("settled by somebody else", why=str(error))
                return
            except StorageError as error:
                if delivery.expired or self._stop.wait(pause.next()):
                    log.warning("not settled; the message will come back", why=str(error))
                    return
