"""What idle services ask of storage, counted request by request; nothing is lost by asking less."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from services.console.request_log import ANNOUNCE_SECONDS
from services.dispatcher import service as dispatching
from services.splitter.service import build as build_splitter
from services.splitter.settings import SplitterSettings
from services.stitcher.service import build as build_stitcher
from services.stitcher.settings import StitcherSettings
from services.trigger import service as triggering
from shared.arrivals import lane_of
from shared.bells import UPLOADS, ring
from shared.clusters.backend import WorkerPool
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.messages import BlobCreated, SegmentReady
from shared.queues import MANY_TIMES
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.waiting import DEEPEST_SECONDS
from shared.settings import Settings
from shared.storage import LANES, Storage
from tests.support.azurite import Azurite
from tests.support.recorded_requests import requests_recorded

IDLE_SECONDS = 2.0
Start = Callable[[str], Consumer]


class NoWorkers:
    """A cluster with two nodes, on which nothing was ever started."""

    nodes = 2

    def refresh(self) -> Sequence[WorkerState]:
        return []

    def why_no_node(self) -> None:
        return None

    def delete_old_jobs(self) -> None:
        """There are none."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def settings(azurite: Azurite, tmp_path: Path) -> Settings:
    return azurite.settings(idle_seconds=IDLE_SECONDS, bells=tmp_path / "bells")


@pytest.fixture
def start(storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A service of this name, which has confirmed its rights and found nothing to do."""
    monkeypatch.setattr(dispatching, "RECONCILE_SECONDS", 0)
    monkeypatch.setattr(triggering, "PAUSE_FACTOR", 0)
    started: list[tuple[Consumer, Stop]] = []
    own = settings.model_dump()

    def start(name: str) -> Consumer:
        stop = Stop()
        if name == "splitter":
            worker = build_splitter(storage, SplitterSettings.model_validate(own), stop)
        elif name == "stitcher":
            worker = build_stitcher(storage, StitcherSettings.model_validate(own), stop)
        elif name == "trigger":
            worker = triggering.build(storage, settings, stop)
        else:
            pool = cast(WorkerPool, NoWorkers())
            backend = type("Backend", (), {"pool": lambda self, _settings: pool})()
            monkeypatch.setattr(dispatching, "backend", lambda _name: backend)
            worker = dispatching.build(storage, WorkerSettings.model_validate(own), stop)
        started.append((worker, stop))
        assert not worker._poll()
        return worker

    yield start
    for worker, stop in started:
        stop.request()
        worker.run()


def asked_by(worker: Consumer) -> list[str]:
    """The requests of one poll that finds nothing."""
    for lanes in worker._lanes:
        lanes.hurry(LANES)
    with requests_recorded() as asked:
        assert not worker._poll()
    return sorted(asked)


def test_all_idle_services_together_ask_less_than_once_a_second(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = {name: start(name) for name in ("splitter", "dispatcher", "stitcher")}
    asked = {name: asked_by(worker) for name, worker in workers.items()}
    lanes = [f"GET {lane}/messages" for lane in LANES]
    counts = ["GET segments", "GET shards"]
    assert asked["splitter"] == sorted(
        ["GET arrivals/messages", "GET segments/messages", *lanes, *counts]
    )
    assert asked["dispatcher"] == ["GET chunks", "GET lessons", "GET shards/messages"]
    assert asked["stitcher"] == ["GET scored/messages"]
    for worker in workers.values():
        assert worker._waiting._may_be_late()

    monkeypatch.setattr(triggering, "CALM_SECONDS", 0)
    trigger = start("trigger")
    listings = [asked_by(trigger) for _ in range(triggering.LESSONS_EVERY)]
    assert not trigger._waiting._may_be_late()
    asked["trigger"] = sorted(chain(*listings))
    assert asked["trigger"] == ["LIST input "] * len(listings) + ["LIST styles "]

    often = len(asked.pop("trigger")) / len(listings) / IDLE_SECONDS
    seldom = sum(map(len, asked.values())) / DEEPEST_SECONDS
    assert seldom + often <= 1


def test_where_uploads_ring_a_calm_trigger_lists_once_a_minute_or_when_it_rings(
    start: Start, storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.bells
    trigger = start("trigger")
    now = time.monotonic() + triggering.CALM_SECONDS
    monkeypatch.setattr(triggering, "time", SimpleNamespace(monotonic=lambda: now))
    (settings.bells / UPLOADS).touch()
    assert asked_by(trigger) == ["LIST input ", "LIST styles "]
    for _ in range(20):
        trigger._hurry(set())
        assert asked_by(trigger) == [], "though it has waited, nothing has rung"
    assert not trigger._waiting._may_be_late(), "as windows are due by the clock"
    now += triggering.SELDOM_SECONDS
    assert asked_by(trigger) == ["LIST input ", "LIST styles "]
    assert asked_by(trigger) == []

    storage.container("input").write("great-wave/a.mp4", b"video")
    ring(settings.bells, "input", ANNOUNCE_SECONDS)
    while not (rung := trigger._waiting.wait()):
        """Its first pauses are shorter."""
    assert rung == {"input"}
    trigger._hurry(rung)
    assert trigger._poll()
    assert storage.queue(lane_of("great-wave/a.mp4")).count() == 1
    assert asked_by(trigger) == ["LIST input ", "LIST styles "], "more may come"


def test_empty_lanes_are_asked_less_and_less_until_a_bell_rings(
    start: Start, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    splitter, now = start("splitter"), 0.0
    monkeypatch.setattr("shared.queues.time.monotonic", lambda: now)
    [lanes] = splitter._lanes
    lanes.hurry(LANES)
    asked = []
    for second in range(1000):
        now = 1e6 + second
        with requests_recorded() as found:
            assert lanes.receive(30) is None
        asked += [second] if found else []
        assert len(found) in (0, len(LANES))
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == [2] * (MANY_TIMES + 1) + [4, 8, 16, 32, 64, 128, 240, 240]
    storage.queue(LANES[2]).send_text("nonsense")
    assert lanes.receive(30) is None
    lanes.hurry(splitter._waiting.wait())
    assert lanes.receive(30)


def test_a_dispatcher_with_a_task_may_not_be_late(start: Start, storage: Storage) -> None:
    dispatcher = start("dispatcher")
    assert dispatcher._waiting._may_be_late()
    painting = BlobCreated.of(
        event_id="e-1",
        url=storage.container("styles").url_of("wave.jpg"),
        container="styles",
        blob="wave.jpg",
        etag="0x1",
        size=1,
        at=datetime.now(UTC),
    )
    storage.queue("lessons").send(painting)
    assert dispatcher._waiting.wait() == {"lessons"}
    dispatcher._poll()
    assert not dispatcher._waiting._may_be_late()


@pytest.mark.parametrize(
    ("service", "queue"),
    [
        ("splitter", "arrivals"),
        ("splitter", LANES[5]),
        ("splitter", "segments"),
        ("dispatcher", "shards"),
        ("stitcher", "scored"),
    ],
)
def test_a_message_wakes_the_service_that_receives_it(
    service: str, queue: str, start: Start, storage: Storage
) -> None:
    worker = start(service)
    for _ in range(40):
        worker._waiting._pause.next()
    storage.queue(queue).send(SegmentReady(trace="t", job="j", segment=0, items=1, shards=1))
    assert worker._waiting.wait() == {queue}
