"""The loop that every service runs: take a message, handle it, settle it."""

import itertools
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from structlog.contextvars import bound_contextvars

from shared.disk import is_full
from shared.errors import (
    Forbidden,
    Interrupted,
    LeaseLost,
    Malformed,
    NotYet,
    Reject,
    Retry,
    StorageError,
    Unavailable,
    Unprepared,
)
from shared.logs import logger
from shared.messages import Body, decode
from shared.needs import Needs, merged, of_queue
from shared.queues import Delivery
from shared.runtime.access import Access
from shared.runtime.backoff import IdlePause, retry_delay
from shared.runtime.guarded import Guarded
from shared.runtime.hand import Hand
from shared.runtime.heartbeat import say_worked
from shared.runtime.poison import PoisonBox
from shared.runtime.room import Room
from shared.runtime.stop import Stop
from shared.runtime.tries import Tries
from shared.runtime.work import AnyRoute, Work
from shared.settings import Settings
from shared.storage import Storage

log = logger()
#: The longest pause between two looks at a route that isn't open: behind it, work is waiting.
CLOSED_PAUSE = 0.5
#: How long a message sleeps that finds the disk full: it is tried again until there is room.
FULL_SECONDS = 10.0
#: How long a message sleeps that met a refusal: it is tried again until that is no more.
REFUSED_SECONDS = 10.0
IN_MESSAGES = ("job", "segment", "chunk", "trace")


class Worker:
    """Handles one message at a time: in the hand, while this thread keeps the message's lease."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        stop: Stop,
        routes: Sequence[AnyRoute],
        tick: Callable[[], bool] | None = None,
        needs: Sequence[Needs] = (),
        leave_when_idle: float | None = None,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        """`tick` is called between messages, and says whether it found something to do.

        `needs` come on top of what the routes need; nothing is taken before all are met.
        """
        self._hand = Hand(stop, settings.drain_seconds, settings.grace_seconds)
        self._tick = Guarded(tick, self._hand, settings, what="tick") if tick else None
        self._routes = [(route.lanes or storage.queue(route.queue), route) for route in routes]
        self._is_open = {
            route.queue: Guarded(
                route.is_open, self._hand, settings, what="is_open", queue=route.queue
            )
            for route in routes
            if route.is_open
        }
        self._settings = settings
        names = [route.lanes.names if route.lanes else [route.queue] for route in routes]
        of_routes = [of_queue(name) for name in itertools.chain(*names)]
        self._access = Access(storage, merged([*of_routes, *needs]), settings.heartbeat)
        self._poison = PoisonBox(storage)
        self._room = Room(storage)
        self._tries = Tries(storage)
        self._has_worked = False
        self._stop = stop
        self._leave_when_idle = leave_when_idle
        self._at_end = at_end
        self._pause = IdlePause(settings.idle_seconds)

    @property
    def abandoned(self) -> bool:
        return self._hand.abandoned

    def run(self) -> None:
        """Work until told to leave, or until nothing has come for long enough."""
        last = time.monotonic()
        while not self._stop.requested:
            if self._look():
                self._pause.reset()
                last = time.monotonic()
            elif self._idle_for_good(time.monotonic() - last):
                log.info("leaving: nothing to do")
                break
            else:
                self._stop.wait(self._pause.next())
        self._hand.close()
        if self._at_end:
            self._at_end()

    def _idle_for_good(self, seconds: float) -> bool:
        return self._leave_when_idle is not None and seconds >= self._leave_when_idle

    def _look(self) -> bool:
        """Handle one message, from the first queue that has one; whether there was any."""
        try:
            if not (self._access.sure or self._may_work()):
                return False
            ticked = self._tick is not None and self._tick()
            for queue, route in self._routes:
                is_open = self._is_open.get(route.queue)
                if is_open and not is_open():
                    self._pause.at_most(CLOSED_PAUSE)
                elif delivery := queue.receive(self._settings.lease_seconds):
                    self._take(route, delivery)
                    return self._worked(True)
            return self._worked(ticked)
        except Unavailable:
            pass  # logged, once, by the outage; the pause that follows is the same as for idling
        except (Forbidden, Unprepared):
            self._access.doubt()
        except Exception as error:  # a message that isn't settled comes back by itself
            log.error("failed; going on", exc_info=error)
        return False

    def _worked(self, found: bool) -> bool:
        if self._settings.heartbeat and not self._has_worked:
            say_worked(self._settings.heartbeat)
        self._has_worked = True
        return found

    def _may_work(self) -> bool:
        checked = self._hand.do(self._access.check)
        return bool(checked and checked.result())

    def _take(self, route: AnyRoute, delivery: Delivery) -> None:
        counted = self._hand.do(partial(self._tries.count, delivery), delivery)
        if counted is None:
            self._finish(delivery, delivery.hand_back)
            return
        counted.result()
        with bound_contextvars(queue=route.queue, message_id=delivery.id, attempt=delivery.attempt):
            try:
                message = decode(delivery.text, route.kind)
            except Malformed as error:
                self._to_poison(delivery, None, str(error))
                return
            known = {k: getattr(message, k) for k in IN_MESSAGES if hasattr(message, k)}
            with bound_contextvars(**known):
                self._handle(route, message, delivery)

    def _handle(self, route: AnyRoute, message: Body, delivery: Delivery) -> None:
        tries = self._settings.max_attempts
        if delivery.attempt > tries:
            reason = f"tried {tries} times and never finished: it may kill or hang its worker"
            self._to_poison(delivery, message, reason)
            return
        started = time.monotonic()
        work = Work(delivery.attempt)
        done = self._hand.do(lambda: route.handle(message, work), delivery, work)
        with bound_contextvars(seconds=round(time.monotonic() - started, 3)):
            if done is None:
                self._finish(delivery, partial(self._tries.hand_back, delivery))
                log.warning("handed back", why="the handler didn't let go in time")
            else:
                self._settle(delivery, message, done.exception())

    def _settle(self, delivery: Delivery, message: Body, error: BaseException | None) -> None:
        if error is None:
            self._finish(delivery, delivery.done, gone=True)
            log.info("done")
        elif isinstance(error, LeaseLost):
            log.warning("stopped: the lease was lost")
        elif isinstance(error, Interrupted):
            self._finish(delivery, partial(self._tries.hand_back, delivery))
            log.info("handed back")
        elif isinstance(error, Reject):
            self._to_poison(delivery, message, str(error), error)
        elif isinstance(error, NotYet):
            self._finish(delivery, partial(delivery.postpone, error.after), gone=True)
            log.info("not yet", why=str(error), after=error.after)
        elif isinstance(error, Forbidden | Unprepared):
            self._access.doubt()
            self._finish(delivery, partial(delivery.postpone, REFUSED_SECONDS), gone=True)
            log.warning("not yet", why=str(error), after=REFUSED_SECONDS)
        elif is_full(error):
            self._wait_for_room(delivery, message, error)
        elif delivery.attempt >= self._settings.max_attempts:
            reason = f"failed {delivery.attempt} times; last: {type(error).__name__}: {error}"
            self._to_poison(delivery, message, reason, error)
        else:
            after = self._delay(delivery.attempt, error)
            self._finish(delivery, lambda: delivery.again(after))
            log.warning(
                "failed, will be tried again",
                after=round(after, 1),
                error=f"{type(error).__name__}: {error}",
                exc_info=None if isinstance(error, Retry) else error,
            )

    def _wait_for_room(self, delivery: Delivery, message: Body, error: BaseException) -> None:
        """Another worker, or this one later, may have room; if none has for too long, fail."""
        waited = timedelta(0)

        def note() -> None:
            nonlocal waited
            if job := getattr(message, "job", None):
                waited = self._room.missing(job)

        self._hand.do(note, delivery)  # where storage doesn't answer, it is tried again anyway
        if waited > timedelta(seconds=self._settings.full_seconds):
            reason = f"there was no room on any disk for {waited.total_seconds():,.0f} s: {error}"
            self._to_poison(delivery, message, reason, error)
            return
        self._finish(delivery, partial(delivery.postpone, FULL_SECONDS), gone=True)
        log.error("not yet", why="the disk is full", after=FULL_SECONDS, error=str(error))

    def _delay(self, attempt: int, error: BaseException) -> float:
        if isinstance(error, Retry):
            return error.after
        return retry_delay(attempt, self._settings.retry_seconds, self._settings.retry_max_seconds)

    def _to_poison(
        self,
        delivery: Delivery,
        message: Body | None,
        reason: str,
        error: BaseException | None = None,
    ) -> None:
        """Kept first, then let go of: killed between the two, it is only kept twice."""
        done = self._hand.do(lambda: self._poison.keep(delivery, message, reason, error), delivery)
        if done is None:
            self._finish(delivery, partial(self._tries.hand_back, delivery))
            return
        done.result()
        self._finish(delivery, delivery.done, gone=True)
        log.error("poisoned", reason=reason, attempts=delivery.attempt)

    def _finish(self, delivery: Delivery, settle: Callable[[], None], gone: bool = False) -> None:
        """Settle, through an outage if need be; past the lease the message comes back by itself.

        `gone`: when it is settled, the message is no more.
        """
        pause = IdlePause(1)
        while True:
            try:
                settle()
                if gone:
                    self._tries.forget(delivery)
                return
            except LeaseLost as error:
                log.warning("settled by somebody else", why=str(error))
                return
            except StorageError as error:
                if delivery.expired or self._stop.wait(pause.next()):
                    log.warning("not settled; the message will come back", why=str(error))
                    return
