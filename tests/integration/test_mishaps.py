"""An error in one message, tick or route ends no service and delays no other message."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from services.dispatcher.backlog import Backlog, Task
from shared import names
from shared.errors import LeaseLost, Reject
from shared.jobs import Jobs
from shared.messages import ChunkPlanned, Poisoned, SegmentPlanned, SegmentReady, decode
from shared.records import Failure
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.settings import Settings
from shared.storage import Storage
from tests.integration.conftest import JOB, PLANNED
from tests.support.waiting import eventually

NEXT = PLANNED.model_copy(update={"job": "next-0123456789ab"})
FAILED = "failed between messages; trying again later"
READY = SegmentReady(trace="t", job=JOB, segment=0, items=1, shards=1)


@contextmanager
def running(
    storage: Storage,
    settings: Settings,
    routes: Sequence[AnyRoute],
    tick: Callable[[], bool] | None = None,
) -> Iterator[threading.Thread]:
    stop = Stop()
    thread = threading.Thread(target=Consumer(storage, settings, stop, routes, tick).run)
    thread.start()
    try:
        yield thread
    finally:
        stop.request()
        thread.join()


def poisoned(storage: Storage, queue: str) -> list[Poisoned]:
    return [decode(d.text, Poisoned) for d in storage.poison(queue).receive_all(1)]


@pytest.mark.parametrize("record", [names.job_record(JOB), names.outcome_record(JOB)])
def test_a_message_is_poisoned_even_if_its_jobs_record_is_unreadable(
    storage: Storage, settings: Settings, record: str
) -> None:
    handled = []

    def handle(message: SegmentPlanned, work: Work) -> None:
        handled.append(message.job)
        if message.job == JOB:
            raise Reject("this will never work")

    storage.container("jobs").write(record, b"\x00 no record")
    queue = storage.queue("segments")
    queue.send(PLANNED)
    with running(storage, settings, [Route("segments", SegmentPlanned, handle)]) as worker:
        eventually(lambda: storage.poison("segments").count(), "poison")
        queue.send(NEXT)
        eventually(lambda: NEXT.job in handled, "the next message")
        eventually(lambda: queue.count() == 0, "an empty queue")
        assert worker.is_alive()
    assert handled == [JOB, NEXT.job]
    [found] = poisoned(storage, "segments")
    assert found.reason == "this will never work"
    if record == names.job_record(JOB):
        outcome = Jobs(storage).outcome(JOB)
        assert isinstance(outcome, Failure)
        assert outcome.reason == "this will never work"


@pytest.mark.parametrize("error", [ValueError("a bug"), LeaseLost("somebody else has it")])
def test_a_tick_that_fails_is_retried_and_delays_no_message(
    storage: Storage, settings: Settings, error: Exception
) -> None:
    ticks, handled = [], []

    def tick() -> bool:
        ticks.append(time.monotonic())
        raise error

    def handle(message: SegmentPlanned, work: Work) -> None:
        handled.append(message)

    route = Route("segments", SegmentPlanned, handle)
    with capture_logs() as logged, running(storage, settings, [route], tick) as worker:
        for count in range(1, 4):
            storage.queue("segments").send(PLANNED)
            eventually(lambda count=count: len(handled) == count, "the message")  # type: ignore[misc]
        eventually(lambda: len(ticks) >= 3, "the tick to be tried again")
        assert worker.is_alive()
    told = [line for line in logged if line["event"] == FAILED]
    assert len(told) == len(ticks)
    assert all(line["log_level"] == "error" and line["exc_info"] is error for line in told)
    first = settings.retry_seconds
    assert ticks[1] - ticks[0] >= first / 2
    assert ticks[2] - ticks[1] >= first
    assert storage.queue("segments").count() == 0


def test_an_error_in_is_open_closes_no_other_route(storage: Storage, settings: Settings) -> None:
    handled = []

    def is_open() -> bool:
        raise ZeroDivisionError("a bug")

    def handle(message: SegmentPlanned, work: Work) -> None:
        handled.append(message)

    routes: list[AnyRoute] = [
        Route("shards", SegmentReady, lambda message, work: None, is_open),
        Route("segments", SegmentPlanned, handle),
    ]
    storage.queue("shards").send(READY)
    storage.queue("segments").send(PLANNED)
    with capture_logs() as logged, running(storage, settings, routes) as worker:
        eventually(lambda: handled, "the other route's message")
        assert worker.is_alive()
    [first, *_] = [line for line in logged if line["event"] == FAILED]
    assert first["queue"] == "shards"
    assert isinstance(first["exc_info"], ZeroDivisionError)
    delivery = storage.queue("shards").receive(1)
    assert delivery
    assert delivery.attempt == 1


class TestTheDispatchersBacklog:
    """In its tick, the dispatcher takes messages off queues that no worker consumes."""

    def test_a_message_that_somebody_else_settled_first(self, storage: Storage) -> None:
        queue = storage.queue("chunks")

        def unwanted(task: Task, sent: datetime) -> bool:
            if not queue.peek():  # it is held: it has been looked at once already
                queue.clear()
            return True

        queue.send(chunk_of(JOB))
        list(Backlog(storage, "chunks", ChunkPlanned).take_while(unwanted))
        assert queue.count() == 0
        assert poisoned(storage, "chunks") == []

    def test_a_message_whose_job_cannot_be_read(self, storage: Storage) -> None:
        """It goes to poison, as it would with a worker; those behind it have their turn."""
        jobs = Jobs(storage)
        jobs.fail(NEXT.job, None, "cancelled", "by a person")
        storage.container("jobs").write(names.outcome_record(JOB), b"\x00 no record")
        for job in (JOB, NEXT.job):
            storage.queue("chunks").send(chunk_of(job))
        backlog = Backlog(storage, "chunks", ChunkPlanned)
        list(backlog.take_while(lambda task, sent: jobs.ended(task.job)))
        assert storage.queue("chunks").count() == 0
        [found] = poisoned(storage, "chunks")
        assert found.job == JOB
        assert f"{names.outcome_record(JOB)} can't be read" in found.reason


def chunk_of(job: str) -> ChunkPlanned:
    return ChunkPlanned(trace="t", job=job, segment=0, chunk=0, model="m", first_shard=0, shards=1)
