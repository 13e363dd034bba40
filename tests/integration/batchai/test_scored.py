"""A worker's job reports the frames that it painted."""

import sys
from datetime import UTC, datetime

from shared import names
from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings
from shared.clusters.batchai.pool import BatchAIPool
from shared.jobs import Jobs
from shared.messages import ChunkPlanned
from shared.models import Models
from shared.prepare import prepare
from shared.records import Job, Source, Span
from shared.shards import Item, pack
from shared.storage import Storage
from tests.integration.batchai.conftest import LocalBatchAI
from tests.support.azurite import Azurite
from tests.support.waiting import eventually
from workloads.video.scoring.catalog import shipped_models

JOB = "holiday-0123456789ab"
#: The frames of each shard, by segment.
SEGMENTS = ([25, 25, 10], [25, 7])


def test_a_worker_reports_the_frames_that_it_painted(
    server: LocalBatchAI, npm_azurite: Azurite
) -> None:
    settings = npm_azurite.settings()
    storage = Storage(settings)
    prepare(storage)
    furnish(storage)
    own = {
        "poll_seconds": 0.05,
        "worker_command": f"IMPASTO_IDLE_EXIT_SECONDS=1 exec {sys.executable} -m services.scorer",
    }
    dispatched = BatchAISettings.model_validate(settings.model_dump() | own)
    cluster = BatchAIPool(dispatched)
    cluster.refresh()
    cluster.start(1)
    eventually(lambda: [w for w in cluster.refresh() if w.ended], "the worker to leave")
    [worker] = cluster.refresh()
    assert not worker.failed, cluster.end_of_log(worker.name)
    remote = BatchAIClient(dispatched)
    lines = remote.scored(worker.name)
    assert all(line.first_item is not None for line in lines)
    frames = [(line.first_item or 0) + n for line in lines for n in range(line.items)]
    assert frames == list(range(sum(map(sum, SEGMENTS))))
    assert [(line.segment, line.chunk, line.items) for line in lines] == [
        (0, 0, 25), (0, 0, 25), (0, 1, 10), (1, 0, 25), (1, 0, 7)
    ]  # fmt: skip
    assert {(line.source, line.job) for line in lines} == {("original/holiday.mp4", JOB)}
    assert all(line.seconds > 0 for line in lines)
    cluster.close()
    remote.close()


def test_a_job_without_a_report_painted_nothing(server: LocalBatchAI) -> None:
    cluster = BatchAIPool(BatchAISettings(poll_seconds=0.05, worker_command="true"))
    cluster.refresh()
    cluster.start(1)
    eventually(lambda: cluster.refresh()[0].ended, "it to end")
    remote = BatchAIClient(BatchAISettings(poll_seconds=0.05))
    assert remote.scored("worker-0001") == []
    assert remote.scored("nobody") == []
    cluster.close()
    remote.close()


def furnish(storage: Storage) -> None:
    """Store a split video and send three chunks of it."""
    for model in shipped_models():
        Models(storage).publish(model)
    jobs = Jobs(storage)
    ends = [sum(map(sum, SEGMENTS[: n + 1])) for n in range(len(SEGMENTS))]
    spans = [
        Span(start=end - sum(shards), stop=end, items=sum(shards))
        for end, shards in zip(ends, SEGMENTS, strict=True)
    ]
    source = Source(container="input", blob="original/holiday.mp4", etag="e", size=1)
    now = datetime.now(UTC)
    job = Job(
        job=JOB,
        trace="t",
        source=source,
        model="original",
        created=now,
        segments=spans,
        shard_items=25,
    )
    jobs.begin(job)
    for segment, shards in enumerate(SEGMENTS):
        for shard, frames in enumerate(shards):
            items = [Item(f"{n}.jpg", b"frame") for n in range(frames)]
            jobs.shards.write(names.shard_blob(JOB, segment, shard), pack(items))
    for segment, chunk, first, count in ((0, 0, 0, 2), (0, 1, 2, 1), (1, 0, 0, 2)):
        storage.queue("chunks").send(
            ChunkPlanned(
                trace="t",
                job=JOB,
                segment=segment,
                chunk=chunk,
                model="original",
                first_shard=first,
                shards=count,
            )
        )
