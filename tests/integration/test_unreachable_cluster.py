"""A cluster that refuses or doesn't answer: waiting jobs fail after IMPASTO_NODE_SECONDS."""

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatcher.service import Dispatcher
from shared.clusters.queue.backend import Replicas
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.errors import ClusterError
from shared.jobs import Jobs
from shared.messages import ChunkPlanned
from shared.records import Failure
from shared.settings import Settings
from shared.storage import QUEUES, Storage
from shared.worker_activity import ACTIVE, STARTED, WorkerActivity

JOB = "one-0123456789ab"
NODE_SECONDS = 1800.0
BUSY = "Azure Machine Learning refused: too many requests"


class RefusingPool(Replicas):
    """A pool that can be told to refuse."""

    refuses = False

    def refresh(self) -> list[WorkerState]:
        if self.refuses:
            raise ClusterError(BUSY)
        return []


class Scene:
    """A dispatcher whose clock can be put forward, and a chunk that waits."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        own = WorkerSettings.model_validate(settings.model_dump() | {"node_seconds": NODE_SECONDS})
        self.storage = storage
        self.cluster = RefusingPool(1)
        self._ahead = timedelta(0)
        self._dispatcher = Dispatcher(storage, self.cluster, own, self._clock)
        chunk = ChunkPlanned(
            trace="t", job=JOB, segment=0, chunk=0, model="m", first_shard=0, shards=1
        )
        storage.queue("chunks").send(chunk)

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def look(self, refused: bool, after: float) -> None:
        self._ahead += timedelta(seconds=after)
        self.cluster.refuses = refused
        self._dispatcher.reconcile()

    @property
    def failure(self) -> str | None:
        outcome = Jobs(self.storage).outcome(JOB)
        return outcome.reason if isinstance(outcome, Failure) else None

    @property
    def chunks(self) -> int:
        return self.storage.queue("chunks").count()


@pytest.fixture
def scene(storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("services.dispatcher.service.RECONCILE_SECONDS", 0)
    return Scene(storage, settings)


def test_a_refusal_that_ends_fails_no_job(scene: Scene) -> None:
    for _ in range(3):
        scene.look(refused=False, after=2 * NODE_SECONDS)
        scene.look(refused=True, after=2 * NODE_SECONDS)
        scene.look(refused=True, after=NODE_SECONDS / 2)
    assert scene.failure is None
    assert scene.chunks == 1


def test_a_lasting_refusal_fails_the_job_with_its_reason(scene: Scene) -> None:
    scene.look(refused=True, after=0)
    scene.look(refused=True, after=NODE_SECONDS + 10)
    assert scene.failure == f"no worker could start: {BUSY}"
    assert scene.chunks == 0
    assert [scene.storage.poison(name).count() for name in QUEUES] == [0] * len(QUEUES)


def test_no_job_fails_while_a_worker_is_active(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    recently = datetime.now(UTC) + timedelta(seconds=NODE_SECONDS - 60)
    monkeypatch.setattr(WorkerActivity, "last_active", lambda self: recently)
    scene.look(refused=True, after=0)
    scene.look(refused=True, after=NODE_SECONDS + 10)
    assert scene.failure is None
    assert scene.chunks == 1
    scene.look(refused=True, after=NODE_SECONDS)
    assert scene.failure is not None


def test_a_worker_records_its_activity_while_it_works(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def etags() -> list[str]:
        found = [storage.container("logs").find(name) for name in (STARTED, ACTIVE)]
        return [blob.etag for blob in found if blob]

    activity = WorkerActivity(storage)
    activity.record()
    started, active = etags()
    activity.record()
    assert etags() == [started, active]
    monkeypatch.setattr("shared.worker_activity.WRITE_SECONDS", 0)
    other = WorkerActivity(storage)
    other.record()
    started, active = etags()
    other.record()
    assert etags()[0] == started
    assert etags()[1] != active
