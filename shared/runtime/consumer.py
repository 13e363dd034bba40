"""The loop that every service runs: receive a message, handle it, settle it."""

import time
from collections.abc import Callable, Collection, Sequence

from structlog.contextvars import bound_contextvars

from shared.errors import Forbidden, Malformed, Unavailable, Unprepared
from shared.logs import logger
from shared.messages import Body, decode
from shared.queues import Delivery
from shared.rights import Rights, merged, of_queue
from shared.runtime.access import Access
from shared.runtime.guarded import Guarded
from shared.runtime.handler_thread import HandlerThread
from shared.runtime.heartbeat import note_worked
from shared.runtime.outcomes import note
from shared.runtime.settling import Settling
from shared.runtime.stop import Stop
from shared.runtime.waiting import Waiting
from shared.runtime.work import AnyRoute, Work
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry import metrics
from shared.telemetry.cost import Cost
from shared.telemetry.handling import IN_MESSAGES, span_of
from shared.telemetry.spans import Span, recording

log = logger()
#: The longest pause between two polls of a route that isn't open: messages are waiting there.
CLOSED_PAUSE = 0.5


class Consumer:
    """Handles one message at a time in another thread, while this one renews its lease."""

    def __init__(
        self,
        storage: Storage,
        settings: Settings,
        stop: Stop,
        routes: Sequence[AnyRoute],
        tick: Callable[[], bool] | None = None,
        rights: Sequence[Rights] = (),
        leave_when_idle: float | None = None,
        at_end: Callable[[], None] | None = None,
        woken_by: Sequence[str] = (),
        heard: Callable[[Collection[str]], None] = lambda _queues: None,
        may_be_late: Callable[[], bool] = lambda: True,
    ) -> None:
        """`tick` is called between messages, and returns whether it found something to do.

        `rights` are those that the routes don't imply; nothing is received without them. Bells of
        `woken_by` wake it besides those of its queues; `heard` is called with all that have rung.
        While `may_be_late` returns False, bells or not, no pause is longer than `idle_seconds`.
        """
        self._handlers = HandlerThread(stop, settings.drain_seconds, settings.grace_seconds)
        self._tick = Guarded(tick, self._handlers, settings, what="tick") if tick else None
        self._lanes = [route.lanes for route in routes if route.lanes]
        self._routes = [(route.lanes or storage.queue(route.queue), route) for route in routes]
        self._is_open = {
            route.queue: Guarded(
                route.is_open, self._handlers, settings, what="is_open", queue=route.queue
            )
            for route in routes
            if route.is_open
        }
        self._settings = settings
        queues = [
            name
            for route in routes
            for name in (route.lanes.names if route.lanes else [route.queue])
        ]
        all_rights = merged([*map(of_queue, queues), *rights])
        self.rights = all_rights
        self._access = Access(storage, all_rights, settings.heartbeat)
        self._settling = Settling(storage, settings, stop, self._handlers, self._access)
        self._has_worked = False
        self._stop = stop
        self._leave_when_idle = leave_when_idle
        self._at_end = at_end
        self._heard = heard
        self._waiting = Waiting(
            stop,
            settings,
            {*queues, *woken_by},
            lambda: leave_when_idle is None and may_be_late(),
        )

    @property
    def missing_rights(self) -> int:
        return self._access.missing

    @property
    def abandoned(self) -> bool:
        """Whether a handler is still running, which keeps the interpreter from exiting."""
        return self._handlers.abandoned

    def run(self) -> None:
        """Handle messages until told to leave, or until none has come for `leave_when_idle`."""
        last = time.monotonic()
        while not self._stop.requested:
            if self._poll():
                self._waiting.found_work()
                last = time.monotonic()
            elif self._idle_for_good(time.monotonic() - last):
                log.info("leaving: nothing to do")
                break
            else:
                self._hurry(self._waiting.wait())
        self._waiting.close()
        self._handlers.close()
        if self._at_end:
            self._at_end()

    def _hurry(self, rung: set[str]) -> None:
        if rung:
            self._heard(rung)
        for lanes in self._lanes:
            lanes.hurry(rung)

    def _idle_for_good(self, seconds: float) -> bool:
        return self._leave_when_idle is not None and seconds >= self._leave_when_idle

    def _poll(self) -> bool:
        """Handle one message from the first queue that has one; return whether there was any."""
        try:
            if not (self._access.confirmed or self._may_work()):
                return False
            ticked = self._tick is not None and self._tick()
            for queue, route in self._routes:
                is_open = self._is_open.get(route.queue)
                if is_open and not is_open():
                    self._waiting.at_most(CLOSED_PAUSE)
                elif delivery := queue.receive(self._settings.lease_seconds):
                    self._take(route, delivery)
                    return self._worked(True)
            return self._worked(ticked)
        except Unavailable:
            pass  # the outage has been logged; the loop pauses as it does when it is idle
        except (Forbidden, Unprepared):
            self._access.recheck()
        except Exception as error:  # a message that isn't settled becomes visible again
            log.error("failed; going on", exc_info=error)
        return False

    def _worked(self, found: bool) -> bool:
        if self._settings.heartbeat and not self._has_worked:
            note_worked(self._settings.heartbeat)
        self._has_worked = True
        return found

    def _may_work(self) -> bool:
        checked = self._handlers.do(self._access.check)
        return bool(checked and checked.result())

    def _take(self, route: AnyRoute, delivery: Delivery) -> None:
        if not self._settling.count_tries(delivery):
            return
        with bound_contextvars(queue=route.queue, message_id=delivery.id, attempt=delivery.attempt):
            try:
                message = decode(delivery.text, route.kind)
            except Malformed as error:
                self._settling.poison(delivery, None, str(error))
                return
            known = {k: getattr(message, k) for k in IN_MESSAGES if hasattr(message, k)}
            span = span_of(message, delivery, route.queue, self._settings.trace_share)
            with bound_contextvars(**known), recording(span):
                self._handle(route, message, delivery, span)

    def _handle(self, route: AnyRoute, message: Body, delivery: Delivery, span: Span) -> None:
        tries = self._settings.max_attempts
        if delivery.attempt > tries:
            reason = f"tried {tries} times and never finished: it may kill or hang its worker"
            self._settling.poison(delivery, message, reason)
            return
        started, cost = time.monotonic(), Cost()
        span.used = cost.attributes
        work = Work(delivery.attempt)
        done = self._handlers.do(lambda: route.handle(message, work), delivery, work)
        seconds = time.monotonic() - started
        span.attributes |= cost.attributes()
        metrics.HANDLING_SECONDS.labels(delivery.queue.name).observe(seconds)
        with bound_contextvars(seconds=round(seconds, 3)):
            if done is None:
                self._settling.hand_back(delivery)
                note("handed back", delivery, why="the handler didn't return in time")
                log.warning("handed back", why="the handler didn't return in time")
            else:
                self._settling.settle(delivery, message, done.exception())
