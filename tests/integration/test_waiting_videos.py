"""A bounded number of videos is opened at a time; the others wait in order of arrival."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from services.dispatcher.service import SCORED_PER_NODE, Dispatcher
from services.splitter.in_flight import JOBS
from services.splitter.service import build
from services.splitter.settings import SplitterSettings
from shared.arrivals import Arrivals, event_of, queue_of
from shared.clusters.backend import WorkerPool
from shared.clusters.settings import WorkerSettings
from shared.jobs import Jobs
from shared.messages import ChunkScored, SegmentReady, decode
from shared.models import Model, Models
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.storage import LANES, QUEUES, Storage
from tests.support.media import make_clip

AHEAD = 2


@pytest.fixture
def splitter(storage: Storage, settings: Settings) -> Iterator[Consumer]:
    own = settings.model_dump() | {"segments_ahead": AHEAD, "idle_seconds": 0.1}
    stop = Stop()
    worker = build(storage, SplitterSettings.model_validate(own), stop)
    yield worker
    stop.request()
    worker.run()


def work_until_idle(worker: Consumer) -> None:
    idle = 0
    while idle < 3:
        idle = 0 if worker._poll() else idle + 1


def drop(storage: Storage, clip: bytes, folder: str, count: int) -> list[str]:
    """Their jobs, in the order in which they were announced."""
    Models(storage).publish(Model(folder, "original", b""))
    container = storage.container("input")
    jobs = []
    for number in range(count):
        name = f"{folder}/{number:02}.mp4"
        event = event_of(container, name, container.write(name, clip), len(clip))
        Arrivals(storage).announce(event)
        jobs.append(event.job)
    return jobs


def take_split(storage: Storage) -> str:
    """As a dispatcher with room for one more segment does; its job."""
    delivery = storage.queue("shards").receive(30)
    assert delivery
    delivery.done()
    return decode(delivery.text, SegmentReady).job


def begun(storage: Storage) -> list[str]:
    return [job for job in storage.container("jobs").folders() if Jobs(storage).find(job)]


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    path = make_clip(tmp_path / "clip.mp4", seconds=0.2, size="64x48", tracks=())
    return path.read_bytes()


def test_videos_are_opened_no_faster_than_the_dispatcher_takes_segments(
    storage: Storage, splitter: Consumer, clip: bytes
) -> None:
    many = drop(storage, clip, "original", JOBS * AHEAD + 4)
    work_until_idle(splitter)
    assert sorted(begun(storage)) == sorted(many[: JOBS * AHEAD])
    assert len(storage.container("shards").folders()) == AHEAD
    assert [take_split(storage) for _ in range(AHEAD)] == many[:AHEAD]
    work_until_idle(splitter)
    assert sorted(begun(storage)) == sorted(many[: JOBS * AHEAD + AHEAD])
    assert len(storage.container("shards").folders()) == 2 * AHEAD  # nobody swept the first


def test_top_folders_take_turns_and_keep_their_order(
    storage: Storage, splitter: Consumer, clip: bytes
) -> None:
    first = drop(storage, clip, "original", 9)
    second = drop(storage, clip, "pencil", 2)
    order: list[str] = []
    while len(order) < len(first) + len(second):
        work_until_idle(splitter)
        order.append(take_split(storage))
    assert [job for job in order if job in first] == first
    assert [job for job in order if job in second] == second
    assert set(second) <= set(order[:4])
    work_until_idle(splitter)
    assert [name for name in QUEUES if storage.queue(name).count()] == []
    assert [name for name in QUEUES if storage.poison(name).count()] == []


def test_event_grids_events_wait_in_the_same_lanes(
    storage: Storage, splitter: Consumer, clip: bytes
) -> None:
    Models(storage).publish(Model("original", "original", b""))
    container = storage.container("input")
    etag = container.write("original/a.mp4", clip)
    event = event_of(container, "original/a.mp4", etag, len(clip))
    storage.queue("arrivals").send(event)
    assert queue_of(event) in LANES
    work_until_idle(splitter)
    assert begun(storage) == [event.job]
    assert Arrivals(storage).recorded(event.job)


class OneNode:
    nodes = 1


def test_chunks_are_sent_no_faster_than_stitchers_keep_up(
    storage: Storage, settings: Settings
) -> None:
    own = WorkerSettings.model_validate(settings.model_dump())
    dispatcher = Dispatcher(storage, cast(WorkerPool, OneNode()), own)
    for chunk in range(SCORED_PER_NODE):
        assert dispatcher.has_room()
        done = ChunkScored(trace="t", job="clip-0123456789ab", segment=0, chunk=chunk)
        storage.queue("scored").send(done)
    assert not dispatcher.has_room()
    storage.queue("scored").clear()
    assert dispatcher.has_room()
