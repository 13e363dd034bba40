"""The dispatcher killed before each of its side effects in turn: nothing is lost or done twice."""

import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from azure.storage.queue import QueueClient, QueueMessage

import services.dispatcher.service as dispatcher
import services.scorer.service as scorer
import services.splitter.service as splitter
from services.scorer.settings import ScorerSettings
from services.splitter.settings import SplitterSettings
from shared.clusters.batchai import pool
from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings
from shared.clusters.state import ClusterJob
from shared.jobs import Jobs
from shared.prepare import prepare
from shared.queues import Queue
from shared.records import Job
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.storage import LANES, QUEUES, Storage
from tests.integration.batchai.conftest import LocalBatchAI
from tests.integration.test_splitting import arrival
from tests.support.azurite import Azurite
from tests.support.media import make_clip
from tests.support.waiting import eventually
from workloads.video.scoring.picture_scorer import Original

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters

NODES = 2
T = TypeVar("T")


class Killed(BaseException):
    pass


class Life:
    """Counts a dispatcher's side effects, and kills it before the first one too many."""

    def __init__(self, effects: float) -> None:
        self._left = effects
        self._one_at_a_time = threading.Lock()
        self.over = False
        self.workers = 0

    def spend(self, effect: Callable[[], T]) -> T:
        with self._one_at_a_time:
            self.over = self.over or self._left <= 0
            if self.over:
                raise Killed
            self._left -= 1
            return effect()


class MortalQueue(Queue):
    def __init__(self, client: QueueClient, outage_seconds: float, life: Life) -> None:
        super().__init__(client, outage_seconds)
        self._life = life

    def send_text(self, text: str, after: float = 0) -> None:
        self._life.spend(partial(super().send_text, text, after))

    def update(self, raw: QueueMessage, seconds: float) -> str:
        return self._life.spend(partial(super().update, raw, seconds))

    def delete(self, raw: QueueMessage) -> None:
        self._life.spend(partial(super().delete, raw))


class MortalStorage(Storage):
    def __init__(self, settings: BatchAISettings, life: Life) -> None:
        super().__init__(settings)
        self._life = life

    def queue(self, name: str) -> Queue:
        return MortalQueue(self._queues.get_queue_client(name), self.outage_seconds, self._life)


class MortalClient(BatchAIClient):
    def __init__(self, life: Life, settings: BatchAISettings) -> None:
        super().__init__(settings)
        self._life = life

    def create_job(self, name: str, parameters: "JobCreateParameters") -> bool:
        made = self._life.spend(partial(super().create_job, name, parameters))
        self._life.workers += made
        return made


@contextmanager
def working(worker: Consumer, stop: Stop) -> Iterator[None]:
    def run() -> None:
        try:
            worker.run()
        except Killed:
            return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join()


class Scene:
    """A running splitter, a video for each dispatcher that is killed, and a scorer."""

    def __init__(self, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
        self.settings = azurite.settings(lease_seconds=1).model_dump()
        self.storage = Storage(azurite.settings(**self.settings))
        prepare(self.storage)
        self.jobs = Jobs(self.storage)
        self.painted: Counter[bytes] = Counter()
        self._clip = clip.read_bytes()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(Original, "score", self._score)

    def _score(self, values: Sequence[bytes]) -> Sequence[bytes]:
        self.painted.update(values)
        return values

    def drop(self, name: str) -> Job:
        event = arrival(self.storage, self._clip, f"original/{name}.mp4")
        self.storage.queue("arrivals").send(event)
        self.painted.clear()
        self.storage.queue(
            "scored"
        ).clear()  # no stitcher runs, and the dispatcher would wait for it
        eventually(lambda: self.jobs.find(event.job), "the job to be planned")
        return self.jobs.job(event.job)

    def splitter(self, stop: Stop) -> Consumer:
        self._monkeypatch.setenv("IMPASTO_SEGMENT_SECONDS", "1.2")
        settings = SplitterSettings.model_validate(self.settings | {"segments_ahead": 1})
        return splitter.build(self.storage, settings, stop)

    def scorer(self, stop: Stop) -> Consumer:
        settings = ScorerSettings.model_validate(self.settings | {"idle_exit_seconds": None})
        return scorer.build(self.storage, settings, stop)

    def dispatcher(self, experiment: str, life: Life, stop: Stop) -> Consumer:
        own = {
            "nodes": NODES,
            "experiment": experiment,
            "poll_seconds": 0.05,
            "worker_command": "sleep 1000",
        }
        settings = BatchAISettings.model_validate(self.settings | own)
        self._monkeypatch.setattr(pool, "BatchAIClient", partial(MortalClient, life))
        return dispatcher.build(MortalStorage(settings, life), settings, stop)

    def workers(self, experiment: str) -> list[ClusterJob]:
        cluster = BatchAIClient(BatchAISettings(experiment=experiment, poll_seconds=0.05))
        workers = cluster.jobs()
        cluster.close()
        return workers

    def all_sent(self, life: Life) -> bool:
        return life.workers == NODES and self.waiting("arrivals", *LANES, "segments", "shards") == 0

    def waiting(self, *queues: str) -> int:
        return sum(self.storage.queue(name).count() for name in queues)


def test_a_dispatcher_killed_before_any_of_its_side_effects_loses_nothing(
    server: LocalBatchAI, npm_azurite: Azurite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2.4, size="160x90", gop=15, tracks=())
    scene = Scene(npm_azurite, monkeypatch, clip)
    stop = Stop()
    with working(scene.splitter(stop), stop):
        for effects in itertools.count():
            if not die_after(effects, scene):
                break
    assert effects > 8


def die_after(effects: int, scene: Scene) -> bool:
    """Kill a dispatcher after so many effects and start another; return False if it had fewer."""
    experiment = f"killed-after-{effects}"
    job = scene.drop(experiment)
    assert len(job.segments) == 2
    first, second = Life(effects), Life(math.inf)
    stop = Stop()
    with working(scene.dispatcher(experiment, first, stop), stop):
        eventually(lambda: first.over or scene.all_sent(first), "death, or all sent")
    stop = Stop()
    with working(scene.dispatcher(experiment, second, stop), stop):
        eventually(lambda: first.workers + second.workers == NODES, f"workers: {experiment}")
        workers = [
            worker.name for worker in scene.workers(experiment)
        ]  # before the scorer takes their work
        idle = Stop()
        with working(scene.scorer(idle), idle):
            eventually(lambda: scene.waiting(*QUEUES[:-1]) == 0, f"all painted: {experiment}")
    assert len(scene.painted) == job.items, experiment
    assert set(scene.painted.values()) == {1}, experiment
    assert workers == ["worker-0001", "worker-0002"]
    return first.over
