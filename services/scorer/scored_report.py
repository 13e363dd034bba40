"""A worker's report of what it has scored, for jobs of Batch AI."""

import os
import time
from pathlib import Path

from services.scorer.pipeline import ScoredShard
from shared.clusters.batchai.scored import FILE, VARIABLE, ReportedShard
from shared.logs import logger
from shared.messages import ChunkPlanned
from shared.records import Job

log = logger()


class ScoredReport:
    """Appends a line for each shard when it is stored, because a worker may be killed any time."""

    def __init__(self) -> None:
        folder = os.environ.get(VARIABLE)
        self._file = Path(folder) / FILE if folder else None
        self._since = time.monotonic()

    def begin(self) -> None:
        """Start the time of a chunk's first shard."""
        self._since = time.monotonic()

    def add(self, job: Job, chunk: ChunkPlanned, shard: ScoredShard) -> None:
        """Add a shard; if the file can't be written, log it and go on."""
        if self._file is None:
            return
        now = time.monotonic()
        seconds, self._since = round(now - self._since, 3), now
        before = sum(span.items for span in job.segments[: chunk.segment])
        line = ReportedShard(
            source=job.source.blob,
            job=job.job,
            segment=chunk.segment,
            chunk=chunk.chunk,
            items=shard.item_count,
            first_item=before + shard.number * job.shard_items if job.shard_items else None,
            seconds=seconds,
        )
        try:
            with self._file.open("a") as file:
                file.write(f"{line.model_dump_json()}\n")
        except OSError as error:
            log.warning("the report of scored shards can't be written", why=str(error))
