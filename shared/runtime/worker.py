"""The loop that every service runs: take a message, handle it, settle it."""

import concurrent.futures
import contextvars
import time
from collections.abc import Callable, Sequence

from azure.core.exceptions import AzureError
from structlog.contextvars import bound_contextvars

from shared.errors import (
    Interrupted,
    LeaseLost,
    Malformed,
    Missing,
    Reject,
    Retry,
    StorageError,
)
from shared.logs import logger
from shared.messages import Body, decode
from shared.queues import Delivery
from shared.runtime.backoff import IdlePause, retry_delay
from shared.runtime.poison import PoisonBox
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Work
from shared.settings import Settings
from shared.storage import Storage

log = logger()
Settle = Callable[[], None]


class Worker:
    """Handles one message at a time, in a thread of its own; this one keeps the lease."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        stop: Stop,
        routes: Sequence[AnyRoute],
        tick: Callable[[], bool] | None = None,
        leave_when_idle: float | None = None,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        """`tick` is called between messages, and says whether it found something to do."""
        self._routes = [(storage.queue(route.queue), route) for route in routes]
        self._storage = storage
        self._settings = settings
        self._poison = PoisonBox(storage)
        self._stop = stop
        self._tick = tick
        self._leave_when_idle = leave_when_idle
        self._at_end = at_end
        self._hand = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="handler")
        self.abandoned = False

    def run(self) -> None:
        """Work until told to leave, or until nothing has come for so many seconds."""
        pause = IdlePause(self._settings.idle_seconds)
        last = time.monotonic()
        while not self._stop.requested:
            if self._look():
                pause.reset()
                last = time.monotonic()
            elif self._idle_for_good(time.monotonic() - last):
                log.info("leaving: nothing to do")
                break
            else:
                self._stop.wait(pause.next())
        self._hand.shutdown(wait=False)
        if self._at_end:
            self._at_end()

    def _idle_for_good(self, seconds: float) -> bool:
        return self._leave_when_idle is not None and seconds >= self._leave_when_idle

    def _look(self) -> bool:
        """Handle one message, from the first queue that has one."""
        try:
            ticked = self._tick() if self._tick else False
            for queue, route in self._routes:
                if delivery := queue.receive(self._settings.lease_seconds):
                    self._process(route, delivery)
                    return True
            return ticked
        except Missing as error:
            log.warning("something isn't there yet; making it", error=str(error))
            self._storage.prepare()
        except StorageError:
            pass  # logged, once, by the outage; the pause that follows is the same as for idling
        except AzureError as error:
            log.error("storage refused", error=str(error)[:500])
        return False

    def _process(self, route: AnyRoute, delivery: Delivery) -> None:
        with bound_contextvars(queue=route.queue, message_id=delivery.id, attempt=delivery.attempt):
            try:
                message = decode(delivery.text, route.kind)
            except Malformed as error:
                reason = str(error)
                self._finish(delivery, lambda: self._poison.take(delivery, None, reason, None))
                return
            known = {
                key: getattr(message, key)
                for key in ("job", "segment", "chunk", "trace")
                if hasattr(message, key)
            }
            with bound_contextvars(**known):
                self._handle(route, message, delivery)

    def _handle(self, route: AnyRoute, message: Body, delivery: Delivery) -> None:
        tries = self._settings.max_attempts
        if delivery.attempt > tries:
            reason = f"tried {tries} times and never finished: it may kill or hang its worker"
            self._finish(delivery, lambda: self._poison.take(delivery, message, reason, None))
            return
        started = time.monotonic()
        work = Work(delivery.attempt)
        context = contextvars.copy_context()
        future = self._hand.submit(context.run, route.handle, message, work)
        self._keep(delivery, work, future)
        if not future.done():
            self.abandoned = True
            self._finish(delivery, delivery.hand_back)
            log.warning("handed back", seconds=round(time.monotonic() - started, 2))
            return
        self._settle(delivery, message, future.exception(), time.monotonic() - started)

    def _keep(
        self, delivery: Delivery, work: Work, future: "concurrent.futures.Future[None]"
    ) -> None:
        """Renew the lease until the handler ends, or this process must."""
        leave_at: float | None = None
        while not future.done():
            now = time.monotonic()
            if leave_at is None and self._stop.requested:
                leave_at = now + self._settings.grace_seconds
                work.stop()
            if leave_at is not None and now >= leave_at:
                return
            if now >= delivery.renew_at and not self._renewed(delivery):
                work.lose()
            concurrent.futures.wait([future], timeout=min(0.2, max(0.01, delivery.renew_at - now)))

    def _renewed(self, delivery: Delivery) -> bool:
        try:
            delivery.renew()
        except LeaseLost:
            return False
        except (StorageError, AzureError):
            return not delivery.expired
        return True

    def _settle(
        self, delivery: Delivery, message: Body, error: BaseException | None, seconds: float
    ) -> None:
        spent = round(seconds, 3)
        if error is None:
            self._finish(delivery, delivery.done)
            log.info("done", seconds=spent)
        elif isinstance(error, LeaseLost):
            log.warning("stopped: the lease was lost", seconds=spent)
        elif isinstance(error, Interrupted):
            self._finish(delivery, delivery.hand_back)
            log.info("handed back", seconds=spent)
        elif isinstance(error, Reject):
            self._finish(delivery, lambda: self._poison.take(delivery, message, str(error), error))
        elif delivery.attempt >= self._settings.max_attempts:
            reason = f"failed {delivery.attempt} times; last: {type(error).__name__}: {error}"
            self._finish(delivery, lambda: self._poison.take(delivery, message, reason, error))
        else:
            after = (
                error.after
                if isinstance(error, Retry)
                else retry_delay(
                    delivery.attempt, self._settings.retry_seconds, self._settings.retry_max_seconds
                )
            )
            self._finish(delivery, lambda: delivery.again(after))
            log.warning(
                "failed, will be tried again",
                after=round(after, 1),
                error=f"{type(error).__name__}: {error}",
                exc_info=None if isinstance(error, Retry) else error,
            )

    def _finish(self, delivery: Delivery, settle: Settle) -> None:
        """Settle, through an outage if need be; past the lease the message comes back by itself."""
        pause = IdlePause(1)
        while True:
            try:
                settle()
                return
            except LeaseLost as error:
                log.warning("settled by somebody else", why=str(error))
                return
            except StorageError:
                if delivery.expired or self._stop.wait(pause.next()):
                    log.warning("not settled: storage doesn't answer; the message will come back")
                    return
