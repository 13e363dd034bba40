"""A worker is started when a file arrives, and not only once there is something to score."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from services.dispatcher import service as dispatching
from shared.clusters.backend import WorkerPool
from shared.clusters.queue.backend import Replicas
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.messages import SegmentPlanned
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.storage import LANES, Storage
from tests.support.azurite import Azurite

PLANNED = SegmentPlanned(trace="t", job="clip-0123456789ab", segment=0)


class Counting(Replicas):
    """Workers that start at once and stay."""

    asked = 0
    stay = True

    def start(self, workers: int) -> None:
        self.asked += workers

    def refresh(self) -> list[WorkerState]:
        now = datetime.now(UTC)
        alive = self.asked if self.stay else 0
        return [WorkerState(name=f"w-{n}", asked=now, started=now) for n in range(alive)]


@pytest.fixture
def settings(azurite: Azurite, tmp_path: Path) -> Settings:
    return azurite.settings(bells=tmp_path / "bells")


@pytest.fixture
def cluster() -> Counting:
    return Counting(4)


@pytest.fixture
def dispatcher(
    storage: Storage, settings: Settings, cluster: Counting, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Consumer]:
    backend = type("Backend", (), {"pool": lambda self, _settings: cast(WorkerPool, cluster)})()
    monkeypatch.setattr(dispatching, "backend", lambda _name: backend)
    stop = Stop()
    own = WorkerSettings.model_validate(settings.model_dump())
    consumer = dispatching.build(storage, own, stop)
    assert not consumer._poll()
    yield consumer
    stop.request()
    consumer.run()


def woken(dispatcher: Consumer) -> None:
    """Wait for a bell, and poll as the loop does."""
    dispatcher._hurry(dispatcher._waiting.wait())
    dispatcher._poll()


@pytest.mark.parametrize("queue", [LANES[3], "segments"])
def test_one_worker_starts_at_the_arrival_and_no_second_one_for_more(
    queue: str, dispatcher: Consumer, cluster: Counting, storage: Storage
) -> None:
    assert cluster.asked == 0
    for _ in range(3):
        storage.queue(queue).send(PLANNED)
        woken(dispatcher)
        assert cluster.asked == 1
    assert storage.queue("chunks").count() == 0


def test_one_arrival_starts_no_second_worker_when_the_first_has_left(
    dispatcher: Consumer, cluster: Counting, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when the file turns out to be no video."""
    monkeypatch.setattr(dispatching, "RECONCILE_SECONDS", 0)
    storage.queue(LANES[0]).send(PLANNED)
    woken(dispatcher)
    cluster.stay = False
    for _ in range(3):
        dispatcher._poll()
    assert cluster.asked == 1


def test_other_messages_start_none(
    dispatcher: Consumer, cluster: Counting, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "RECONCILE_SECONDS", 0)
    storage.queue("scored").send(PLANNED)
    storage.queue("arrivals").send(PLANNED)
    storage.queue("shards").send_text("no message")
    woken(dispatcher)
    assert cluster.asked == 0
