"""Checks that jobs which have ended left no messages, poison or intermediates."""

from collections.abc import Iterator
from contextlib import suppress

from shared.jobs import Jobs
from shared.messages import Poisoned, decode
from shared.storage import QUEUES, Storage
from tests.support.waiting import eventually

#: Containers of intermediates.
INTERMEDIATES = ("shards", "scored", "segments")


def leftovers(storage: Storage) -> list[str]:
    """Messages in poison, and intermediates of jobs that can't go on. Failed jobs keep theirs."""
    return [*poisoned(storage), *intermediates_of_ended_jobs(storage)]


def poisoned(storage: Storage) -> Iterator[str]:
    for name in QUEUES:
        for waiting in storage.poison(name).peek():
            told = decode(waiting.text, Poisoned)
            yield f"{name}-poison: {told.reason}: {told.error}"


def intermediates_of_ended_jobs(storage: Storage) -> Iterator[str]:
    jobs = Jobs(storage)
    for name in INTERMEDIATES:
        container = storage.container(name)
        for job in container.folders():
            outcome = jobs.outcome(job)
            under_way = jobs.find(job) if outcome is None else outcome.state == "failed"
            if not under_way:
                yield from (f"{name}/{blob.name}" for blob in container.under(f"{job}/"))


def assert_nothing_is_left(storage: Storage) -> None:
    """In a running stack: waits until late messages are handled and intermediates deleted."""
    for name in QUEUES:
        queue = storage.queue(name)
        eventually(lambda queue=queue: queue.count() == 0, f"{name} to be empty")  # type: ignore[misc]
    with suppress(AssertionError):
        eventually(lambda: not leftovers(storage), "nothing to be left")
    assert leftovers(storage) == []
