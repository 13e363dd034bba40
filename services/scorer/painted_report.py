"""The report of what this worker has painted, where it is a job of Batch AI."""

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
    """A line for each shard, written when it is stored: workers may be killed at any time."""

    def __init__(self) -> None:
        folder = os.environ.get(VARIABLE)
        self._file = Path(folder) / FILE if folder else None
        self._since = time.monotonic()

    @property
    def wanted(self) -> bool:
        return self._file is not None

    def begin(self) -> None:
        """A chunk's first shard is begun."""
        self._since = time.monotonic()

    def add(self, job: Job, chunk: ChunkPlanned, shard: int, frames: int) -> None:
        """A report that can't be written fails nothing: it is logged."""
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
            log.warning("the report of what was painted can't be written", why=str(error))
