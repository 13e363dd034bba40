"""A service that is told to leave hands its message back, or finishes it within the drain time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import Retry
from shared.messages import SegmentPlanned
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import Storage
from tests.integration.conftest import PLANNED
from tests.support.waiting import eventually


class Service:
    """A service whose handler records each attempt and does what the test says."""

    def __init__(self, storage: Storage, settings: Settings, act: Callable[[Work], None]) -> None:
        self.stop = Stop()
        self.tries: list[int] = []

        def handle(message: SegmentPlanned, work: Work) -> None:
            self.tries.append(work.attempt)
            act(work)

        route = Route("segments", SegmentPlanned, handle)
        self._thread = threading.Thread(target=Consumer(storage, settings, self.stop, [route]).run)

    def leave(self) -> None:
        self.stop.request()
        self._thread.join()

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self.leave()


def until_told(work: Work) -> None:
    while True:
        work.check()
        threading.Event().wait(0.02)


def deaf_until(go: threading.Event) -> Callable[[Work], None]:
    def act(work: Work) -> None:
        assert go.wait(60)

    return act


def tried_and_left(storage: Storage, settings: Settings, act: Callable[[Work], None]) -> list[int]:
    """The attempts of a service that is told to leave while it handles the message."""
    service = Service(storage, settings, act)
    with service.running():
        eventually(lambda: service.tries, "the message to be taken")
    return service.tries


def finish(storage: Storage, settings: Settings) -> int:
    """The attempt at which it is done; no record of hand-backs is left."""
    service = Service(storage, settings, lambda work: None)
    with service.running():
        eventually(lambda: service.tries, "the message to be taken")
        eventually(lambda: storage.queue("segments").count() == 0, "it to be done")
    assert storage.poison("segments").count() == 0
    assert storage.container("logs").under() == []
    [attempt] = service.tries
    return attempt


def test_hand_backs_count_as_no_attempt_however_many(storage: Storage, settings: Settings) -> None:
    patient = settings.model_copy(update={"lease_seconds": 3600})
    storage.queue("segments").send(PLANNED)
    for _ in range(settings.max_attempts + 2):
        assert tried_and_left(storage, patient, until_told) == [1]
    assert finish(storage, patient) == 1


def test_a_message_whose_handler_doesnt_stop_in_time_is_handed_back(
    storage: Storage, settings: Settings
) -> None:
    hasty = settings.model_copy(update={"lease_seconds": 3600, "grace_seconds": 0.1})
    storage.queue("segments").send(PLANNED)
    go = threading.Event()
    for _ in range(settings.max_attempts + 2):
        assert tried_and_left(storage, hasty, deaf_until(go)) == [1]
    go.set()
    assert finish(storage, hasty) == 1


def test_failures_and_kills_count_as_attempts(storage: Storage, settings: Settings) -> None:
    def fail_first(work: Work) -> None:
        if work.attempt == 1:
            raise Retry("too early", after=0.1)
        until_told(work)

    storage.queue("segments").send(PLANNED)
    service = Service(storage, settings, fail_first)
    with service.running():
        eventually(lambda: len(service.tries) == 2, "the second try")
    assert service.tries == [1, 2]
    assert tried_and_left(storage, settings, until_told) == [2]
    killed = eventually(lambda: storage.queue("segments").receive(1), "the message")
    assert killed  # and never settled
    assert finish(storage, settings) == 3


class TestDraining:
    """`drain_seconds`: how long a handler may go on before it is told to stop."""

    def test_the_message_is_finished_and_no_other_is_received(
        self, storage: Storage, settings: Settings
    ) -> None:
        go = threading.Event()

        def act(work: Work) -> None:
            while not go.is_set():
                work.check()
                threading.Event().wait(0.02)

        draining = settings.model_copy(update={"drain_seconds": 600, "grace_seconds": 0})
        queue = storage.queue("segments")
        queue.send(PLANNED)
        service = Service(storage, draining, act)
        with service.running():
            eventually(lambda: service.tries, "the message to be taken")
            service.stop.request()
            queue.send(PLANNED)
            lease_ends = threading.Event()
            lease_ends.wait(settings.lease_seconds + 1)  # it is renewed all the while
            go.set()
        assert service.tries == [1]
        assert queue.count() == 1
        assert finish(storage, settings) == 1

    def test_after_the_drain_time_the_message_is_handed_back(
        self, storage: Storage, settings: Settings
    ) -> None:
        draining = settings.model_copy(update={"lease_seconds": 3600, "drain_seconds": 0.5})
        storage.queue("segments").send(PLANNED)
        assert tried_and_left(storage, draining, until_told) == [1]
        assert finish(storage, draining) == 1

    def test_a_service_whose_parent_has_gone_doesnt_drain(
        self, storage: Storage, settings: Settings
    ) -> None:
        draining = settings.model_copy(update={"lease_seconds": 3600, "drain_seconds": 3600})
        storage.queue("segments").send(PLANNED)
        service = Service(storage, draining, until_told)
        with service.running():
            eventually(lambda: service.tries, "the message to be taken")
            service.stop.request()
            service.stop.hurry()
        assert finish(storage, settings) == 1
