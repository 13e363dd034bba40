"""A worker's report of what it has painted, for jobs of Batch AI."""

import os
import time
from pathlib import Path

from shared.clusters.batchai.painted import FILE, VARIABLE, PaintedShard
from shared.logs import logger
from shared.messages import ChunkPlanned
from shared.records import Job
from shared.shards import SHARD_ITEMS

log = logger()


class PaintedReport:
    """Appends a line for each shard when it is stored, because a worker may be killed any time."""

    def __init__(self) -> None:
        folder = os.environ.get(VARIABLE)
        self._file = Path(folder) / FILE if folder else None
        self._since = time.monotonic()

    @property
    def wanted(self) -> bool:
        return self._file is not None

    def begin(self) -> None:
        """Start the time of a chunk's first shard."""
        self._since = time.monotonic()

    def add(self, job: Job, chunk: ChunkPlanned, shard: int, frames: int) -> None:
        """Add a shard; if the file can't be written, log it and go on."""
        if self._file is None:
            return
        now = time.monotonic()
        seconds, self._since = round(now - self._since, 3), now
        before = sum(span.items for span in job.segments[: chunk.segment])
        first = before + shard * SHARD_ITEMS
        line = PaintedShard(
            video=job.source.blob,
            job=job.job,
            segment=chunk.segment,
            chunk=chunk.chunk,
            first_frame=first,
            last_frame=first + frames - 1,
            frames=frames,
            seconds=seconds,
        )
        try:
            with self._file.open("a") as file:
                file.write(f"{line.model_dump_json()}\n")
        except OSError as error:
            log.warning("the report of painted shards can't be written", why=str(error))
