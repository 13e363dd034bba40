"""The stitcher: encodes each segment that is scored, and muxes the output when all are encoded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from services.stitcher import video
from services.stitcher.completeness import Completeness
from services.stitcher.settings import StitcherSettings
from shared import names
from shared.blobs import CLAIM_SECONDS
from shared.disk import check_room
from shared.errors import NotYet, Taken
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import ChunkScored
from shared.records import Job, Result, Segment
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.shards import Item, unpack
from shared.storage import Storage

log = logger()
RIGHTS = Rights(
    {"input": "read", "output": "write", "scored": "read list", "segments": "read write list"}
)
FAILURE = "the output can't be made"


class Stitcher:
    def __init__(self, storage: Storage, settings: StitcherSettings) -> None:
        self._settings = settings
        self._output = storage.container("output")
        self._jobs = Jobs(storage)
        self._shards = Completeness(self._jobs.scored)
        self._segments = Completeness(self._jobs.segments)
        self._muxer = video.Muxer(storage, settings)
        self.start, self.close = self._muxer.start, self._muxer.close

    def stitch(self, message: ChunkScored, work: Work) -> None:
        """Encode the segment after its last chunk, and mux the job after its last segment."""
        if self._jobs.sweep_if_ended(message.job):
            return
        job = self._jobs.job(message.job)
        try:
            if self._encode(job, message.segment, work):
                self._mux(job, work)
        except Taken:
            # Another stitcher is at work, perhaps for hours, or it has died.
            raise NotYet("another stitcher is at work on it", after=CLAIM_SECONDS) from None

    def _encode(self, job: Job, number: int, work: Work) -> bool:
        """Encode the segment unless that is done; return False if a shard isn't scored yet."""
        folder = names.segment_folder(job.job, number)
        if self._shards.known_incomplete(folder):
            return False
        segment = self._jobs.segment(job.job, number)
        if segment is None:  # storage lost its record; to mux without it is an error
            return True
        shards = [names.shard_blob(job.job, number, shard) for shard in range(segment.shards)]
        if self._shards.find_all(folder, shards) is None:
            return False
        with (
            self._jobs.records.claim(names.segment_record(job.job, number)),
            TemporaryDirectory(prefix="impasto-stitcher-") as scratch,
        ):
            blob = names.segment_blob(job.job, number)
            if self._jobs.segments.find(blob):
                return True
            path = Path(scratch) / "segment"
            path.touch()  # it stays empty if none of the frames could be decoded
            if segment.items:
                video.encode(self._items(segment, work), job, segment, path, self._settings)
            with path.open("rb") as file:
                self._jobs.segments.write(blob, file)
        log.info("segment encoded", items=segment.items)
        self._jobs.sweep_if_ended(job.job)  # another delivery may have been faster
        return True

    def _items(self, segment: Segment, work: Work) -> Iterator[Item]:
        for shard in range(segment.shards):
            work.check()
            name = names.shard_blob(segment.job, segment.segment, shard)
            yield from unpack(self._jobs.scored.read(name))

    def _mux(self, job: Job, work: Work) -> None:
        """Write the job's output, unless a segment isn't encoded yet."""
        folder = names.job_folder(job.job)
        if self._segments.known_incomplete(folder):
            return
        blobs = [names.segment_blob(job.job, number) for number in range(len(job.segments))]
        encoded = self._segments.find_all(folder, blobs)
        if encoded is None:
            return
        sizes = [blob.size for blob in encoded]
        with self._jobs.records.claim(names.job_record(job.job)):
            if self._jobs.sweep_if_ended(job.job):
                return
            try:
                self._write_output(self._jobs.with_current_etag(job), sizes, work)
            except INPUT_ERRORS as error:
                end_job(self._jobs, job.job, job.source, error, work.attempt, FAILURE)
                return
        self._jobs.sweep_if_ended(job.job)

    def _write_output(self, job: Job, sizes: list[int], work: Work) -> None:
        segments = [self._jobs.require_segment(job.job, n) for n in range(len(job.segments))]
        with TemporaryDirectory(prefix="impasto-stitcher-") as folder:
            check_room(Path(folder), video.disk_needed(job, sizes))
            path = Path(folder) / "output"
            made = self._muxer.mux(job, segments, sum(sizes), path, work.check)
            output = names.output_name(job.source.blob, made.suffix)
            with path.open("rb") as file:
                self._output.write(output, file, {"job": job.job, "model": job.model})
        result = Result(
            job=job.job,
            source=job.source.blob,
            output=output,
            items=sum(segment.items for segment in segments),
            notes=video.notes_of(job, segments) + made.notes,
            created=job.created,
            finished=datetime.now(UTC),
        )
        self._jobs.finish(result)
        log.info("finished", output=names.shown(output), items=result.items, notes=result.notes)


def build(storage: Storage, settings: StitcherSettings, stop: Stop) -> Consumer:
    stitcher = Stitcher(storage, settings)
    stitcher.start()
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
