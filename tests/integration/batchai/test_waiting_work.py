"""Chunks that no worker takes: their jobs fail, and waiting workers are cancelled."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from services.dispatcher.service import build
from services.dispatcher.start_policy import QUEUE_CLOCK
from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings
from shared.clusters.state import ClusterJob
from shared.jobs import Jobs
from shared.messages import ChunkPlanned
from shared.prepare import prepare
from shared.records import Failure
from shared.runtime.stop import Stop
from shared.storage import Storage
from tests.integration.batchai.conftest import LocalBatchAI
from tests.support.azurite import Azurite
from tests.support.consuming import consuming
from tests.support.waiting import eventually

TRIES = 3
ONE, OTHER = "one-0123456789ab", "other-0123456789ab"


class Scene:
    def __init__(self, azurite: Azurite, worker_command: str) -> None:
        own = {"poll_seconds": 0.05, "worker_tries": TRIES, "worker_command": worker_command}
        self._settings = BatchAISettings.model_validate(azurite.settings().model_dump() | own)
        self.storage = Storage(self._settings)
        prepare(self.storage)
        self.jobs = Jobs(self.storage)
        self.chunks = self.storage.queue("chunks")
        self._cluster = BatchAIClient(self._settings)
        self._cluster.ensure()

    def send(self, job: str) -> None:
        self.chunks.send(
            ChunkPlanned(trace="t", job=job, segment=0, chunk=0, model="m", first_shard=0, shards=1)
        )

    @contextmanager
    def dispatching(self) -> Iterator[None]:
        stop = Stop()
        with consuming(build(self.storage, self._settings, stop), stop):
            yield

    def workers(self) -> list[ClusterJob]:
        return self._cluster.jobs()

    def reason(self, job: str) -> str | None:
        outcome = self.jobs.outcome(job)
        return outcome.reason if isinstance(outcome, Failure) else None


def test_failures_are_counted_over_restarts_and_a_new_job_gets_a_try_of_its_own(
    server: LocalBatchAI, npm_azurite: Azurite
) -> None:
    scene = Scene(npm_azurite, "echo no paint >&2; exit 3")
    scene.send(ONE)
    second_over = (
        datetime.now(UTC) + QUEUE_CLOCK
    )  # within this second, the message counts as later than any try
    eventually(lambda: datetime.now(UTC) > second_over, "a try to be later than its coming")
    for count in range(1, TRIES + 1):
        with scene.dispatching():
            eventually(lambda: len(scene.workers()) >= count, "a try")  # noqa: B023
            eventually(lambda: all(worker.over for worker in scene.workers()), "its end")
    with scene.dispatching():
        eventually(lambda: scene.reason(ONE), "the job to fail")
        assert scene.reason(ONE) == (
            f"no worker could start: {TRIES} workers in a row failed;"
            " the last: the command ended with exit code 3; no paint"
        )
        eventually(lambda: scene.chunks.count() == 0, "its chunk to be gone")
        tried = len(scene.workers())
        scene.send(OTHER)
        eventually(lambda: scene.reason(OTHER), "the other to fail")
        assert len(scene.workers()) == tried + 1


def test_waiting_workers_are_cancelled_with_the_only_job(
    server: LocalBatchAI, npm_azurite: Azurite
) -> None:
    server.restart(signal.SIGTERM, IMPASTO_ALLOCATION_SECONDS="1000")
    scene = Scene(npm_azurite, "true")
    scene.send(ONE)
    with scene.dispatching():
        eventually(scene.workers, "a worker to be asked for")
        scene.jobs.fail(ONE, None, "cancelled", "changed my mind")
        eventually(lambda: scene.chunks.count() == 0, "its chunk to be gone")
        eventually(lambda: scene.workers() == [], "the worker to be taken back")


def test_no_worker_is_started_for_an_unreadable_message(
    server: LocalBatchAI, npm_azurite: Azurite
) -> None:
    scene = Scene(npm_azurite, "true")
    scene.chunks.send_text("garbage")
    with scene.dispatching():
        eventually(lambda: scene.storage.poison("chunks").count(), "it to be poisoned")
        eventually(lambda: scene.chunks.count() == 0, "it to be gone")
    assert scene.workers() == []
