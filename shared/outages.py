"""Retries requests while storage doesn't answer, and logs the beginning and end of each outage."""

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_exponential_jitter

from shared.errors import Changed, Forbidden, Missing, StorageError, Unavailable, Unprepared
from shared.logs import logger
from shared.refusals import forbidden, is_refusal, missing_place, refusals
from shared.telemetry.metrics import STORAGE_REQUESTS

P = ParamSpec("P")
R = TypeVar("R")

log = logger()
CONDITION_NOT_MET = 412
TEMPORARY_STATUS = {408, 429, 500, 502, 503, 504}


class Outage:
    """Whether storage answers this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None

    def failed(self, error: BaseException) -> None:
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()
                log.warning("storage doesn't answer; trying until it does", error=str(error)[:200])

    def answered(self) -> None:
        if self._since is None:
            return
        with self._lock:
            if self._since is not None:
                log.info("storage answers again", after=round(time.monotonic() - self._since, 1))
                self._since = None


outage = Outage()


def translated(error: AzureError) -> StorageError | None:
    """The SDK's error as one of ours; None if there is none for it."""
    if is_refusal(error):
        return forbidden(error)
    if where := missing_place(error):
        return Unprepared(where)
    if isinstance(error, ResourceNotFoundError):
        return Missing(_first_line(error))
    return _unavailable(error) or _changed(error)


def _changed(error: AzureError) -> Changed | None:
    status = getattr(error, "status_code", None)
    modified = isinstance(error, ResourceModifiedError) or status == CONDITION_NOT_MET
    return Changed(_first_line(error)) if modified else None


def _unavailable(error: AzureError) -> Unavailable | None:
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Unavailable(_first_line(error))
    # Without a status, the connection broke within the response.
    temporary = {None, *TEMPORARY_STATUS}
    if isinstance(error, HttpResponseError) and error.status_code in temporary:
        unavailable = Unavailable(_first_line(error))
        unavailable.__cause__ = error
        return unavailable
    return None


def _first_line(error: AzureError) -> str:
    return str(error.message).splitlines()[0] if error.message else type(error).__name__


class HasOutageSeconds(Protocol):
    outage_seconds: float


S = TypeVar("S", bound=HasOutageSeconds)


def one_try(call: Callable[P, R]) -> Callable[P, R]:
    """Call without retries. Raises our errors, and notes whether storage answered."""

    @wraps(call)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = call(*args, **kwargs)
        except AzureError as error:
            ours = translated(error)
            if ours is None:
                raise
            if isinstance(ours, Unavailable):
                outage.failed(error)
                if getattr(error, "status_code", None) is None:
                    STORAGE_REQUESTS.labels("any", "none").inc()
            if isinstance(ours, Forbidden):
                refusals.log(ours)
            raise ours from error
        outage.answered()
        return result

    return wrapper


def retry_outages(call: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Retry while storage doesn't answer, for at most the object's `outage_seconds`."""
    attempt = one_try(call)

    @wraps(call)
    def wrapper(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        retrying = Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(self.outage_seconds),
            wait=_pause,
            reraise=True,
        )
        return retrying(attempt, self, *args, **kwargs)

    return wrapper


_growing = wait_exponential_jitter(multiplier=0.1, max=5, jitter=0.5)


def _pause(state: RetryCallState) -> float:
    """The delay that the server asks for, or a growing one."""
    error: Any = state.outcome.exception() if state.outcome else None
    response = getattr(getattr(error, "__cause__", None), "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    return float(asked) if asked.isdecimal() else _growing(state)
