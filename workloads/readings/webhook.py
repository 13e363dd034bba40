"""Posts the summary of a round with anomalies to a URL."""

import urllib.error
import urllib.request

import tenacity

from shared.errors import ImpastoError, Misconfigured
from shared.logs import logger
from workloads.readings.summary import Summary

log = logger()
#: How long one post may take.
POST_SECONDS = 10


class Unanswered(ImpastoError):
    """Nobody took the summary."""


def post(url: str, job: str, summary: Summary, seconds: float) -> None:
    """Raise Unanswered if nobody takes the summary for so long.

    A summary may be posted twice, if the poster dies in between: the header `Idempotency-Key` has
    the job's id.
    """
    if not url.startswith(("https://", "http://")):
        raise Misconfigured("IMPASTO_READINGS_WEBHOOK isn't an HTTP URL")
    request = urllib.request.Request(  # noqa: S310 (checked above)
        url,
        summary.model_dump_json().encode(),
        {"Content-Type": "application/json", "Idempotency-Key": job},
    )

    def once() -> None:
        with urllib.request.urlopen(request, timeout=POST_SECONDS):  # noqa: S310
            log.info("summary posted", job=job)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(OSError),  # HTTPError and URLError are OSErrors
        wait=tenacity.wait_exponential(multiplier=0.5, max=10),
        stop=tenacity.stop_after_delay(seconds),
    )
    try:
        retrying(once)
    except tenacity.RetryError as error:
        reason = error.last_attempt.exception()
        raise Unanswered(f"nobody took the summary of {job}: {reason}") from None
