"""The queue runtime keeps its seven promises, with a real Azurite and processes that are killed."""

import errno
import itertools
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.errors import LeaseLost
from shared.jobs import Jobs
from shared.messages import LARGEST_BODY, Poisoned, SegmentPlanned, decode, encode
from shared.queues import Delivery, Queue
from shared.records import Failure
from shared.runtime.consumer import Consumer
from shared.runtime.disk_wait import DiskWait
from shared.runtime.stop import LEFT_AT_ONCE, Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.ids import trace_of
from tests.integration.conftest import JOB, PLANNED, Notes, Process, Spawn
from tests.support.azurite import AzuriteProcess
from tests.support.waiting import eventually

#: What can be sent at all: messages travel as XML.
SENDABLE = st.characters(min_codepoint=32, codec="utf-8", exclude_characters="\ufffe\uffff")


def poisoned(storage: Storage, queue: str = "segments") -> list[Poisoned]:
    found = [decode(d.text, Poisoned) for d in storage.poison(queue).receive_all(1)]
    return sorted(found, key=lambda p: p.at)


def empty(storage: Storage, queue: str = "segments") -> bool:
    return storage.queue(queue).count() == 0


@contextmanager
def working(storage: Storage, settings: Settings) -> Iterator[list[SegmentPlanned]]:
    """Run a consumer in this process; yield the messages that it handles."""
    handled: list[SegmentPlanned] = []

    def handle(message: SegmentPlanned, work: Work) -> None:
        handled.append(message)

    stop = Stop()
    worker = Consumer(storage, settings, stop, [Route("segments", SegmentPlanned, handle)])
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield handled
    finally:
        stop.request()
        thread.join()


def test_a_closed_route_receives_nothing_until_it_opens(
    storage: Storage, settings: Settings
) -> None:
    """Not one of the seven promises, but the dispatcher relies on it."""
    stop, door = Stop(), threading.Event()
    asked, handled = threading.Event(), threading.Event()

    def is_open() -> bool:
        asked.set()
        return door.is_set()

    def handle(message: SegmentPlanned, work: Work) -> None:
        assert work.attempt == 1
        handled.set()

    storage.queue("segments").send(PLANNED)
    route = Route("segments", SegmentPlanned, handle, is_open)
    thread = threading.Thread(target=Consumer(storage, settings, stop, [route]).run)
    thread.start()
    try:
        assert asked.wait(30)
        assert not handled.is_set()
        door.set()
        assert handled.wait(30)
    finally:
        stop.request()
        thread.join()


def test_a_full_disk_costs_a_message_no_attempt(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is full: the message is handled once there is room."""
    monkeypatch.setattr("shared.runtime.settling.FULL_SECONDS", 0.1)
    stop, tries, done = Stop(), itertools.count(1), threading.Event()

    def handle(message: SegmentPlanned, work: Work) -> None:
        if next(tries) <= settings.max_attempts + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.set()

    worker = Consumer(storage, settings, stop, [Route("segments", SegmentPlanned, handle)])
    thread = threading.Thread(target=worker.run)
    thread.start()
    storage.queue("segments").send(PLANNED)
    try:
        assert done.wait(60)
        eventually(lambda: empty(storage), "the message to be done")
    finally:
        stop.request()
        thread.join()
    assert poisoned(storage) == []
    assert Jobs(storage).outcome(JOB) is None


def test_a_disk_that_stays_full_fails_the_job_with_that_reason(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time counts over all workers that tried it."""
    monkeypatch.setattr("shared.runtime.settling.FULL_SECONDS", 0.1)
    patient = settings.model_copy(update={"full_seconds": 2})
    stop, tries = Stop(), itertools.count()

    def handle(message: SegmentPlanned, work: Work) -> None:
        next(tries)
        raise OSError(errno.ENOSPC, "12 MiB are needed and 1 MiB are free")

    route = Route("segments", SegmentPlanned, handle)
    workers = [Consumer(storage, patient, stop, [route]) for _ in range(2)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    storage.queue("segments").send(PLANNED)
    try:
        eventually(lambda: storage.poison("segments").count(), "poison")
        eventually(lambda: empty(storage), "an empty queue")
    finally:
        stop.request()
        for thread in threads:
            thread.join()
    outcome = Jobs(storage).outcome(JOB)
    assert isinstance(outcome, Failure)
    assert outcome.state == "failed"
    assert outcome.reason.startswith("there was no room on any disk for ")
    assert outcome.reason.endswith("12 MiB are needed and 1 MiB are free")
    assert next(tries) > 2
    [found] = poisoned(storage)
    assert found.reason == outcome.reason
    jobs = Jobs(storage)
    jobs.sweep(JOB)
    assert jobs.shards.under() == []


def test_a_full_disk_long_ago_isnt_counted(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = DiskWait(storage)
    assert room.note(JOB) == timedelta(0)
    assert room.note(JOB) > timedelta(0)
    monkeypatch.setattr("shared.runtime.disk_wait.BREAK", timedelta(0))
    assert room.note(JOB) == timedelta(0)


class TestPoisonAtOnce:
    """Promise 1."""

    def test_a_malformed_message(self, storage: Storage, settings: Settings) -> None:
        storage.queue("segments").send_text("what is this?")
        with working(storage, settings) as handled:
            eventually(lambda: storage.poison("segments").count(), "poison")
            eventually(lambda: empty(storage), "an empty queue")
        [found] = poisoned(storage)
        assert found.body == "what is this?"
        assert "isn't base64" in found.reason
        assert (found.queue, found.attempts) == ("segments", 1)
        assert handled == []

    def test_a_rejected_message(self, storage: Storage, spawn: Spawn, notes: Notes) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("reject")
        eventually(lambda: storage.poison("segments").count(), "poison")
        eventually(lambda: empty(storage), "an empty queue")
        [found] = poisoned(storage)
        assert found.reason == "this will never work"
        assert found.job == JOB
        assert found.body == encode(PLANNED)
        assert "Reject" in (found.error or "")
        assert notes.count("started") == 1
        assert not process.dead

    def test_a_poisoned_body_that_is_too_large_for_a_message_is_kept_in_a_blob(
        self, storage: Storage, settings: Settings
    ) -> None:
        body = "x" * LARGEST_BODY
        storage.queue("segments").send_text(body)
        with working(storage, settings):
            eventually(lambda: storage.poison("segments").count(), "poison")
        [found] = poisoned(storage)
        assert found.body is None
        assert found.body_blob
        assert storage.container("logs").read(found.body_blob).decode() == body

    def test_no_body_ends_the_consumer(self, storage: Storage, settings: Settings) -> None:
        with working(storage, settings) as handled:

            @hypothesis_settings(
                max_examples=15, deadline=None, suppress_health_check=list(HealthCheck)
            )
            @given(st.lists(st.text(SENDABLE, min_size=1), max_size=8))
            def throw(bodies: list[str]) -> None:
                before = storage.poison("segments").count()
                for body in bodies:
                    storage.queue("segments").send_text(body)
                eventually(
                    lambda: storage.poison("segments").count() == before + len(bodies), "poison"
                )

            throw()
            storage.queue("segments").send(PLANNED)
            eventually(lambda: handled == [PLANNED], "the good message")
        assert all(found.reason for found in poisoned(storage))


class TestTriesAreCounted:
    """Promise 2."""

    def test_a_message_that_kills_its_worker_ends_in_poison(
        self, storage: Storage, spawn: Spawn, notes: Notes, settings: Settings
    ) -> None:
        storage.queue("segments").send(PLANNED)
        tries = settings.max_attempts
        for n in range(1, tries + 1):
            process = spawn("die")
            notes.wait_for("started", n)
            assert process.wait() == -signal.SIGKILL
        last = spawn("die")
        eventually(lambda: storage.poison("segments").count(), "poison")
        [found] = poisoned(storage)
        assert found.attempts == tries + 1
        assert f"tried {tries} times and never finished" in found.reason
        assert notes.count("started") == tries
        assert not last.dead

    def test_a_message_that_always_fails_has_max_attempts(
        self, storage: Storage, spawn: Spawn, notes: Notes, settings: Settings
    ) -> None:
        storage.queue("segments").send(PLANNED)
        spawn("fail")
        eventually(lambda: storage.poison("segments").count(), "poison")
        [found] = poisoned(storage)
        assert found.attempts == settings.max_attempts == notes.count("started")
        assert "ValueError: something broke" in found.reason


class TestTheLease:
    """Promise 3."""

    def test_a_handler_longer_than_the_lease_is_not_delivered_twice(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        spawn("longer_than_the_lease")
        spawn("longer_than_the_lease")
        notes.wait_for("ended")
        eventually(lambda: empty(storage), "an empty queue")
        assert notes.count("started") == 1

    def test_a_dead_workers_message_is_visible_again_and_handled_once(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        first = spawn("until_told")
        notes.wait_for("started")
        first.kill()
        spawn("until_told")
        notes.wait_for("started", 2)
        notes.go()
        notes.wait_for("ended")
        eventually(lambda: empty(storage), "an empty queue")
        assert notes.count("ended") == 1
        assert notes.count("effect") == 1

    def test_a_lost_lease_stops_the_handler(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        frozen = spawn("until_told")
        notes.wait_for("started")
        frozen.signal(signal.SIGSTOP)
        other = spawn("until_told")
        notes.wait_for("started", 2)
        frozen.signal(signal.SIGCONT)
        eventually(lambda: frozen.logged("stopped: the lease was lost"), "the loss to be noticed")
        notes.go()
        eventually(lambda: other.logged("done"), "the other to finish")
        eventually(lambda: empty(storage), "an empty queue")
        assert notes.count("ended") == 1

    def test_a_stale_receipt_settles_nothing(self, storage: Storage) -> None:
        queue = storage.queue("segments")
        queue.send(PLANNED)
        stale = received(queue, lease_seconds=1)
        fresh = received(queue, lease_seconds=60)
        for settle in (stale.done, stale.hand_back, stale.renew, lambda: stale.again(5)):
            with pytest.raises(LeaseLost):
                settle()
        fresh.renew()
        fresh.done()
        with pytest.raises(LeaseLost, match="gone"):
            fresh.done()


def received(queue: Queue, lease_seconds: float) -> Delivery:
    delivery = eventually(lambda: queue.receive(lease_seconds), "a message")
    assert delivery
    return delivery


class TestRetries:
    """Promise 4."""

    def test_failures_are_retried_with_growing_delays(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("fail", retry_seconds=1, retry_max_seconds=60)
        eventually(lambda: storage.poison("segments").count(), "poison")
        first, second = (line["after"] for line in process.logged("failed, will be tried again"))
        assert 0.5 <= first <= 1 <= second <= 2

    def test_a_handler_may_set_the_delay(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("not_yet")
        notes.wait_for("started", 2)
        [told, *_] = process.logged("failed, will be tried again")
        assert told["after"] == 2
        assert "Retry: too early" in told["error"]

    def test_not_yet_costs_no_attempt(self, storage: Storage, spawn: Spawn, notes: Notes) -> None:
        storage.queue("segments").send(PLANNED)
        spawn("wait_for_go", max_attempts=1)
        notes.wait_for("started", 3)
        storage.container("logs").write("go", b"")
        notes.wait_for("ended")
        eventually(lambda: empty(storage), "an empty queue")
        assert storage.poison("segments").count() == 0


class TestSigterm:
    """Promise 5."""

    def test_an_idle_service_leaves(self, storage: Storage, spawn: Spawn) -> None:
        process = spawn("quick")
        eventually(lambda: process.logged("started"), "the start")
        process.signal(signal.SIGTERM)
        assert process.wait() == 0

    @pytest.mark.parametrize("behaviour", ["until_told", "deaf"])
    def test_the_message_in_flight_is_handed_back_at_once(
        self, storage: Storage, spawn: Spawn, notes: Notes, behaviour: str
    ) -> None:
        storage.queue("segments").send(PLANNED)
        lease = 3600  # by itself it wouldn't come back while this test lasts
        leaving = spawn(behaviour, lease_seconds=lease)
        notes.wait_for("started")
        spawn("until_told", lease_seconds=lease)
        leaving.signal(signal.SIGTERM)
        notes.wait_for("started", 2)
        assert leaving.wait() == 0
        assert leaving.logged("handed back")

    def test_a_message_that_ends_within_the_drain_time_is_finished(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        leaving = spawn("deaf", lease_seconds=3600, grace_seconds=60)
        notes.wait_for("started")
        leaving.signal(signal.SIGTERM)
        notes.go()
        assert leaving.wait() == 0
        assert notes.count("ended") == 1
        assert empty(storage)

    def test_nothing_more_is_received(self, storage: Storage, spawn: Spawn, notes: Notes) -> None:
        storage.queue("segments").send(PLANNED)
        leaving = spawn("deaf", grace_seconds=60)
        notes.wait_for("started")
        leaving.signal(signal.SIGTERM)
        storage.queue("segments").send(PLANNED.model_copy(update={"job": "second"}))
        notes.go()
        assert leaving.wait() == 0
        assert notes.count("started", "second") == 0
        assert storage.queue("segments").count() == 1

    def test_a_second_signal_ends_it_at_once(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        leaving = spawn("deaf", grace_seconds=3600)
        notes.wait_for("started")
        leaving.signal(signal.SIGTERM)
        time.sleep(0.1)  # two pending signals of one kind are one
        leaving.signal(signal.SIGTERM)
        assert leaving.wait() == LEFT_AT_ONCE


class TestOutages:
    """Promise 6; the back-off of idle polls is in tests/unit/test_backoff.py."""

    @pytest.fixture
    def own_azurite(self, tmp_path: Path) -> Iterator[AzuriteProcess]:
        own = AzuriteProcess(tmp_path)
        own.start()
        yield own
        own.close()

    @pytest.fixture
    def settings(self, own_azurite: AzuriteProcess) -> Settings:
        return own_azurite.azurite.settings(lease_seconds=30)

    @pytest.fixture
    def azurite(self) -> None:
        """These tests stop their Azurite, so they have one of their own."""

    def test_an_outage_while_a_message_is_handled(
        self, own_azurite: AzuriteProcess, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("until_told")
        notes.wait_for("started")
        own_azurite.stop()
        eventually(lambda: self.outages(process) == 1, "the outage to be logged")
        own_azurite.start()
        notes.go()
        notes.wait_for("ended")
        eventually(lambda: empty(storage), "an empty queue")
        eventually(lambda: process.logged("storage answers again"), "the end of the outage")
        assert self.outages(process) == 1
        assert notes.count("started") == 1
        assert not process.dead

    def test_an_outage_while_idle(
        self, own_azurite: AzuriteProcess, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        process = spawn("quick")
        # At its start it asks both servers of Azurite, which don't end at the same moment: if one
        # refuses and the other still answers, that is an outage that ends, and then another one.
        eventually(lambda: process.logged("ready"), "the process to poll its queue")
        own_azurite.stop()
        eventually(lambda: self.outages(process) == 1, "the outage to be logged")
        own_azurite.start()
        storage.queue("segments").send(PLANNED)
        notes.wait_for("ended")
        assert self.outages(process) == 1

    @staticmethod
    def outages(process: Process) -> int:
        return len(process.logged("storage doesn't answer; trying until it does"))


class TestLogs:
    """Promise 7."""

    def test_every_log_line_has_job_and_message(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("quick")
        [line] = eventually(lambda: process.logged("done"), "the line")
        expected = {"service": "probe", "queue": "segments", "job": JOB, "segment": 7}
        assert expected.items() <= line.items()
        assert line["attempt"] == 1
        assert line["message_id"]
        assert line["trace_id"] == trace_of(JOB)
        assert len(line["span_id"]) == 16

    def test_a_poisoning_is_an_error_and_fails_its_job(
        self, storage: Storage, spawn: Spawn, notes: Notes
    ) -> None:
        storage.queue("segments").send(PLANNED)
        process = spawn("reject")
        [line] = eventually(lambda: process.logged("poisoned"), "the line")
        assert line["level"] == "error"
        assert line["reason"] == "this will never work"
        assert line["job"] == JOB
        failure = Jobs(storage).outcome(JOB)
        assert isinstance(failure, Failure)
        assert failure.state == "failed"
        assert failure.reason == "this will never work"
