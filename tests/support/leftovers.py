"""What must not be there when jobs have ended: poison, messages, and what was only on its way."""

from collections.abc import Iterator
from contextlib import suppress

from shared.jobs import Jobs
from shared.messages import Poisoned, decode
from shared.storage import QUEUES, Storage
from tests.support.waiting import eventually

#: What these hold belongs to jobs that are under way.
PASSING = ("frames", "scored", "segments")


def leftovers(storage: Storage) -> list[str]:
    """Poison, and what is left of jobs that can't go on. A failed one keeps its work."""
    return [*poisoned(storage), *unswept(storage)]


def poisoned(storage: Storage) -> Iterator[str]:
    """Left where it is."""
    for name in QUEUES:
        for waiting in storage.poison(name).peek():
            told = decode(waiting.text, Poisoned)
            yield f"{name}-poison: {told.reason}: {told.error}"


def unswept(storage: Storage) -> Iterator[str]:
    jobs = Jobs(storage)
    for name in PASSING:
        container = storage.container(name)
        for job in container.folders():
            outcome = jobs.outcome(job)
            under_way = jobs.find(job) if outcome is None else outcome.state == "failed"
            if not under_way:
                yield from (f"{name}/{blob.name}" for blob in container.under(f"{job}/"))


def assert_nothing_is_left(storage: Storage) -> None:
    """For a stack that is up: late messages are handled first, and sweep up after themselves."""
    for name in QUEUES:
        queue = storage.queue(name)
        eventually(lambda queue=queue: queue.count() == 0, f"{name} to be empty", 120)  # type: ignore[misc]
    with suppress(AssertionError):
        eventually(lambda: not leftovers(storage), "nothing to be left")
    assert leftovers(storage) == []
