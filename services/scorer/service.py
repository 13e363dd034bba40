"""The scorer: takes a chunk, scores its shards one by one, and says so."""

import os
import socket

from services.scorer.catalog import Catalog
from services.scorer.settings import ScorerSettings
from services.scorer.stopwatch import Stopwatch
from shared import names
from shared.attendance import Attendance
from shared.errors import NotYet
from shared.jobs import ChunkReport, Jobs
from shared.logs import logger
from shared.messages import ChunkPlanned, ChunkScored
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.runtime.worker import Worker
from shared.shards import pack, unpack
from shared.storage import Storage

log = logger()


class ScoringService:
    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._jobs = Jobs(storage)
        self._catalog = Catalog(storage, settings)
        self._done = storage.queue("scored")
        self._attendance = Attendance(storage)
        self._signed = False
        self._lease_seconds = settings.lease_seconds

    def score(self, chunk: ChunkPlanned, work: Work) -> None:
        if not self._signed:
            self._attendance.sign()
            self._signed = True
        watch = Stopwatch()
        items = skipped = 0
        if self._jobs.ended(chunk.job):
            return
        scorer = self._catalog.scorer(chunk.model)
        for shard in range(chunk.first_shard, chunk.first_shard + chunk.shards):
            work.check()
            name = names.shard_blob(chunk.job, chunk.segment, shard)
            if self._jobs.scored.find(name):
                skipped += 1
                continue
            with watch.stage("download"):
                frames = unpack(self._jobs.frames.read(name))
            scored = scorer.score(frames, watch)
            with watch.stage("upload"):
                first = self._jobs.scored.write_once(name, pack(scored))
            items += len(scored)
            if not first:  # no shard but this one is painted twice
                raise NotYet("another worker is at the same chunk", after=self._lease_seconds)
            if self._jobs.ended(chunk.job):
                return
        self._jobs.add_chunk(
            ChunkReport(
                job=chunk.job,
                segment=chunk.segment,
                chunk=chunk.chunk,
                items=items,
                skipped_shards=skipped,
                worker=f"{socket.gethostname()}:{os.getpid()}",
                device=scorer.device,
                seconds=round(watch.total, 4),
                seconds_by_stage=watch.by_stage(),
            )
        )
        self._done.send(
            ChunkScored(trace=chunk.trace, job=chunk.job, segment=chunk.segment, chunk=chunk.chunk)
        )


def build(storage: Storage, settings: ScorerSettings, stop: Stop) -> Worker:
    service = ScoringService(storage, settings)
    return Worker(
        storage,
        settings,
        stop,
        [Route("chunks", ChunkPlanned, service.score)],
        leave_when_idle=settings.idle_exit_seconds,
    )
