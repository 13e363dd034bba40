"""Ends a job whose input can't be handled: as refused, or as failed."""

from shared import names
from shared.errors import Changed, ChildDied, ChildKilled, ImpastoError, Missing, Refused
from shared.jobs import Jobs
from shared.logs import logger
from shared.records import FailureState, Source

log = logger()
#: Errors that may be the input's fault.
INPUT_ERRORS = (Refused, Changed, Missing, ChildDied)
GONE = "the file was replaced or removed before its job was done; a newer upload is a new job"


def end_job(
    jobs: Jobs, job: str, source: Source, error: ImpastoError, attempt: int, failure: str
) -> None:
    """Record why the job ends and sweep it; raise the error again if another try may succeed.

    `failure` begins the reason of a job that has failed.
    """
    state: FailureState = "refused"
    if isinstance(error, Refused):
        reason = str(error)
    elif isinstance(error, ChildDied):
        if isinstance(error, ChildKilled) or attempt == 1:
            raise error  # it may not be the input's fault
        state, reason = "failed", f"{failure}: {error}"
    elif not source.etag or jobs.find_source(source):
        raise error  # something else is missing, or only the source's metadata has changed
    else:
        reason = GONE
    log.warning(state, job=job, source=names.shown(source.blob), reason=reason)
    jobs.fail(job, source.blob, state, reason)
    jobs.sweep_if_ended(job)
