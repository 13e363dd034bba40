"""The stitcher: joins each segment that is scored, and makes the outputs when all are joined.

How that is done is for the job's workload to know.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from services.stitcher.completeness import Completeness
from services.stitcher.settings import StitcherSettings
from services.stitcher.summary import summary
from shared import names
from shared.blobs import CLAIM_SECONDS, Blob
from shared.errors import NotYet, Taken
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs, as_metadata, spent_on
from shared.logs import logger
from shared.messages import ChunkScored
from shared.records import Job, Result, Segment
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.shards import Item, unpack
from shared.storage import Storage
from shared.telemetry.spans import span
from shared.telemetry.stages import stage
from shared.workload import Stitching
from shared.workloads import installed, outputs, workload_called

log = logger()
RIGHTS = Rights(
    {
        # A window's blobs were read when it was split.
        **{w.input: "read" for w in installed().values() if w.announces_blobs},
        **dict.fromkeys(outputs(), "write"),
        "scored": "read list",
        "segments": "read write list",
        "models": "list write",  # a training publishes them
    }
)
FAILURE = "the output can't be made"


class Stitcher:
    def __init__(self, storage: Storage, parts: Mapping[str, Stitching]) -> None:
        self._storage = storage
        self._jobs = Jobs(storage)
        self._shards = Completeness(self._jobs.scored)
        self._segments = Completeness(self._jobs.segments)
        self._parts = parts

    def close(self) -> None:
        for part in self._parts.values():
            part.close()

    def stitch(self, message: ChunkScored, work: Work) -> None:
        """Join the segment after its last chunk, and finish the job after its last segment."""
        if self._jobs.sweep_if_ended(message.job):
            return
        job = self._jobs.job(message.job)
        try:
            if self._join(job, message.segment, work):
                self._finish(job, work)
        except Taken:
            # Another stitcher is at work, perhaps for hours, or it has died.
            raise NotYet("another stitcher is at work on it", after=CLAIM_SECONDS) from None

    def _join(self, job: Job, number: int, work: Work) -> bool:
        """Join the segment unless that is done; return False if a shard isn't scored yet."""
        folder = names.segment_folder(job.job, number)
        if self._shards.known_incomplete(folder):
            return False
        segment = self._jobs.segment(job.job, number)
        if segment is None:  # storage lost its record; to finish without it is an error
            return True
        shards = [names.shard_blob(job.job, number, shard) for shard in range(segment.shards)]
        scored = self._shards.find_all(folder, shards)
        if scored is None:
            return False
        with (
            self._jobs.records.claim(names.segment_record(job.job, number)),
            TemporaryDirectory(prefix="impasto-stitcher-") as scratch,
        ):
            blob = names.segment_blob(job.job, number)
            if self._jobs.segments.find(blob):
                return True
            path = Path(scratch) / "segment"
            path.touch()  # it stays empty if the segment has no items
            with stage("join") as joining:
                if segment.items:
                    self._part(job).join(job, segment, self._items(segment, work), path)
                joining.items = segment.items
            metadata = as_metadata("join", joining.done())
            metadata |= as_metadata("score", spent_on("score", scored))
            with path.open("rb") as file, span("upload"):
                self._jobs.segments.write(blob, file, metadata)
        log.info("segment joined", items=segment.items)
        self._jobs.sweep_if_ended(job.job)  # another delivery may have been faster
        return True

    def _items(self, segment: Segment, work: Work) -> Iterator[Item]:
        for shard in range(segment.shards):
            work.check()
            name = names.shard_blob(segment.job, segment.segment, shard)
            yield from unpack(self._jobs.scored.read(name))

    def _finish(self, job: Job, work: Work) -> None:
        """Write the job's outputs, unless a segment isn't joined yet."""
        folder = names.job_folder(job.job)
        if self._segments.known_incomplete(folder):
            return
        blobs = [names.segment_blob(job.job, number) for number in range(len(job.segments))]
        joined = self._segments.find_all(folder, blobs)
        if joined is None:
            return
        with self._jobs.records.claim(names.job_record(job.job)):
            if self._jobs.sweep_if_ended(job.job):
                return
            try:
                self._write_outputs(job, joined, work)
            except INPUT_ERRORS as error:
                end_job(self._jobs, job.job, job.source, error, work.attempt, FAILURE)
                return
        self._jobs.sweep_if_ended(job.job)

    def _write_outputs(self, job: Job, joined: list[Blob], work: Work) -> None:
        """The main output is written last, so that whoever finds it finds the others as well."""
        segments = [self._jobs.require_segment(job.job, n) for n in range(len(job.segments))]
        container = self._storage.container(workload_called(job.workload).output)
        items = sum(segment.items for segment in segments)
        with TemporaryDirectory(prefix="impasto-stitcher-") as folder:
            sizes = [blob.size for blob in joined]
            with stage("finish") as finishing:
                made = self._part(job).finish(job, segments, sizes, Path(folder), work.check)
                finishing.items = items
            spent = finishing.done()
            for output, path in reversed(made.files.items()):
                with path.open("rb") as file, span("upload"):
                    container.write(output, file, {"job": job.job, "model": job.model})
            if made.announce:
                made.announce()
        now = datetime.now(UTC)
        result = Result(
            job=job.job,
            workload=job.workload,
            source=job.source.blob,
            output=output,
            items=items,
            notes=made.notes,
            created=job.created,
            finished=now,
            summary=summary(job, now, segments, joined, spent),
        )
        self._jobs.finish(result, job.dropped)
        log.info("finished", output=names.shown(output), items=result.items, notes=result.notes)

    def _part(self, job: Job) -> Stitching:
        return self._parts[workload_called(job.workload).name]


def build(storage: Storage, settings: StitcherSettings, stop: Stop) -> Consumer:
    parts = {name: workload.stitching(storage) for name, workload in installed().items()}
    stitcher = Stitcher(storage, parts)
    routes = [Route("scored", ChunkScored, stitcher.stitch)]
    return Consumer(
        storage,
        settings,
        stop,
        routes,
        rights=[RIGHTS, SWEEPING],
        leave_when_idle=settings.stitcher_idle_exit_seconds,
        at_end=stitcher.close,
    )
