"""The scorer: scores the shards of each chunk; learns models when there is no chunk."""

import gc
import time
from contextlib import closing
from functools import cache
from typing import Any

from services.scorer.killed_attempts import lost_cpu
from services.scorer.lessons import Lessons
from services.scorer.pipeline import Pipeline
from services.scorer.scored_report import ScoredReport
from services.scorer.settings import ScorerSettings
from services.scorer.stopwatch import Stopwatch
from shared import logs, names
from shared.errors import NotYet
from shared.jobs import Jobs
from shared.messages import BlobCreated, ChunkPlanned, ChunkScored
from shared.records import ChunkReport
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.scorer import Scorer
from shared.shards import pack
from shared.storage import Storage
from shared.telemetry.spans import current, span
from shared.telemetry.stages import Stage
from shared.worker_activity import WorkerActivity
from shared.workload import Scoring
from shared.workloads import lessons, workload_called

RIGHTS = Rights(
    {
        **dict.fromkeys(lessons(), "list read"),
        "shards": "read",
        "scored": "list write",
        "models": "list read write",
        "segments": "read write",
        "logs": "list",
    },
    {"lessons": "send", "scored": "send"},
)
#: How often, within a chunk, to check whether the job has ended.
CHECK_SECONDS = 5.0


class ScoringService:
    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._activity = WorkerActivity(storage)
        self._jobs = Jobs(storage)
        self._storage = storage
        self._part = cache(self._new_part)
        self._done = storage.queue("scored")
        self._lease_seconds = settings.lease_seconds
        self._report = ScoredReport()

    def score(self, chunk: ChunkPlanned, work: Work) -> None:
        self._activity.record()
        if self._jobs.sweep_if_ended(chunk.job):
            return
        watch = Stopwatch()
        job = self._jobs.job(chunk.job)
        scorer = self._scorer(job.workload, chunk.model)
        items, open_shards = 0, self._open_shards(chunk)
        read = self._jobs.shards.read
        pipeline = Pipeline(scorer, lambda shard: read(shard_of(chunk, shard)), watch)
        next_check = time.monotonic() + CHECK_SECONDS
        self._report.begin()
        with closing(pipeline.run(open_shards)) as scored:
            scoring = Stage("score", device=scorer.device)
            if work.attempt > 1:
                scoring.lost_cpu = lost_cpu(self._storage, chunk)
            for shard in scored:
                scoring.items = shard.item_count
                spent = scoring.done_as_span(shard=shard.number)
                with watch.stage("upload"), span("upload", shard=shard.number):
                    name = shard_of(chunk, shard.number)
                    first = self._jobs.add_scored(name, pack(shard.items), shard.item_count, spent)
                scoring = Stage("score", device=scorer.device)
                if first:
                    self._report.add(job, chunk, shard)
                items += shard.item_count
                if time.monotonic() >= next_check:
                    self._activity.record()
                    if self._jobs.sweep_if_ended(chunk.job):
                        return
                    next_check = time.monotonic() + CHECK_SECONDS
                work.check()
                if not first:  # stop here, so that only this shard was scored twice
                    raise NotYet("another worker scores the same chunk", after=self._lease_seconds)
        if self._jobs.sweep_if_ended(chunk.job):
            return
        self._jobs.add_chunk(
            ChunkReport(
                job=chunk.job,
                segment=chunk.segment,
                chunk=chunk.chunk,
                items=items,
                skipped_shards=chunk.shards - len(open_shards),
                worker=logs.replica(),
                device=scorer.device,
                detail=scorer.report(),
                times=(times := watch.times(items)),
            )
        )
        if handling := current():
            handling.attributes["impasto.model_seconds"] = times.seconds_by_stage["model"]
        self._done.send(
            ChunkScored(trace=chunk.trace, job=chunk.job, segment=chunk.segment, chunk=chunk.chunk)
        )

    def _scorer(self, workload: str, model: str) -> Scorer[Any]:
        """Loading torch takes a fifth longer if garbage is looked for among its new objects."""
        gc.disable()
        try:
            return self._part(workload).scorer(model)
        finally:
            gc.enable()

    def _new_part(self, workload: str) -> Scoring:
        return workload_called(workload).scoring(self._storage)

    def _open_shards(self, chunk: ChunkPlanned) -> list[int]:
        """The chunk's shards that aren't scored yet."""
        shards = range(chunk.first_shard, chunk.first_shard + chunk.shards)
        scored = self._jobs.scored_shards(chunk.job, chunk.segment)
        return [shard for shard in shards if shard_of(chunk, shard) not in scored]


def shard_of(chunk: ChunkPlanned, shard: int) -> str:
    return names.shard_blob(chunk.job, chunk.segment, shard)


def build(storage: Storage, settings: ScorerSettings, stop: Stop) -> Consumer:
    learning = Lessons(storage, settings)
    routes: list[AnyRoute] = [
        Route("chunks", ChunkPlanned, ScoringService(storage, settings).score),
        Route("lessons", BlobCreated, learning.learn),
    ]
    return Consumer(
        storage,
        settings,
        stop,
        routes,
        rights=[RIGHTS, SWEEPING],
        leave_when_idle=settings.idle_exit_seconds,
        at_end=learning.close,
    )
