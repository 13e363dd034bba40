"""Calls a service's function between messages: errors are logged, and it is called again later."""

import time
from collections.abc import Callable

from shared.errors import Forbidden, Unavailable, Unprepared
from shared.logs import logger
from shared.runtime.backoff import retry_delay
from shared.runtime.handler_thread import HandlerThread
from shared.settings import Settings

log = logger()


class Guarded:
    """Returns False while it backs off. Raises Unavailable, Forbidden and Unprepared only."""

    def __init__(
        self, call: Callable[[], bool], handlers: HandlerThread, settings: Settings, **context: str
    ) -> None:
        self._call = call
        self._handlers = handlers
        self._settings = settings
        #: Part of every log line about it.
        self._context = context
        self._failures = 0
        self._not_before = 0.0

    def __call__(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        done = self._handlers.do(self._call)
        if done is None:
            return False
        error = done.exception()
        if error is None:
            self._failures = 0
            return bool(done.result())
        if isinstance(error, Unavailable) or not isinstance(error, Exception):
            raise error
        self._failures += 1
        settings = self._settings
        pause = retry_delay(self._failures, settings.retry_seconds, settings.retry_max_seconds)
        self._not_before = time.monotonic() + pause
        if isinstance(error, Forbidden | Unprepared):
            raise error
        log.error(
            "failed between messages; trying again later",
            after=round(pause, 1),
            exc_info=error,
            **self._context,
        )
        return False
