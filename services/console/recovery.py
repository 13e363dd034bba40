"""Recovers a local stack's jobs after Azurite was killed."""

from shared.control.job_control import JobControl
from shared.prepare import prepare
from shared.settings import Settings
from shared.storage import QUEUES, Storage


def recover(settings: Settings) -> None:
    """Clear all queues and announce all unfinished jobs again.

    When killed, Azurite loses its most recent writes, and blobs and queues no longer agree. What is
    done of a job isn't done again.
    """
    # With a short timeout, so that another death of Azurite is noticed soon.
    storage = Storage(settings.model_copy(update={"outage_seconds": 1}))
    prepare(storage)
    for name in QUEUES:
        storage.queue(name).clear()
    JobControl(storage).replay()
