"""The splitter: opens what arrives, plans its segments, and turns each into shards of items."""

from datetime import UTC, datetime

from services.splitter import video
from services.splitter.settings import SplitterSettings
from shared import names
from shared.blobs import Blob
from shared.errors import Changed, Missing, Refused, Reject
from shared.jobs import Failure, Job, Jobs, Segment, Source
from shared.logs import logger
from shared.messages import BlobCreated, SegmentPlanned, SegmentReady
from shared.models import Models
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.runtime.worker import Worker
from shared.shards import SHARD_ITEMS, pack
from shared.storage import Storage

log = logger()
GONE = "the file was replaced or removed before it was read; a newer upload is a job of its own"


class Splitter:
    def __init__(self, storage: Storage, settings: SplitterSettings) -> None:
        self._settings = settings
        self._input = storage.container("input")
        self._jobs = Jobs(storage)
        self._models = Models(storage)
        self._segments = storage.queue("segments")
        self._shards = storage.queue("shards")

    def arrived(self, event: BlobCreated, work: Work) -> None:
        if event.container != self._input.name:
            raise Reject(f"{names.shown(event.container)} isn't the container to drop files in")
        if self._jobs.ended(event.job):
            return
        try:
            job = self._jobs.find(event.job) or self._jobs.begin(self._plan(event))
        except Refused as refusal:
            self._refuse(event.job, event.blob, str(refusal))
            return
        except (Changed, Missing):
            self._refuse(event.job, event.blob, GONE)
            return
        log.info("planned", model=job.model, segments=len(job.segments), items=job.items)
        for segment in range(len(job.segments)):
            self._segments.send(SegmentPlanned(trace=job.trace, job=job.job, segment=segment))

    def split(self, planned: SegmentPlanned, work: Work) -> None:
        if self._jobs.ended(planned.job):
            return
        job = self._jobs.job(planned.job)
        try:
            segment = self._jobs.segment(job.job, planned.segment)
            segment = segment or self._write_shards(job, planned.segment, work)
        except Refused as refusal:
            self._refuse(job.job, job.source.blob, str(refusal))
            return
        except (Changed, Missing):
            self._refuse(job.job, job.source.blob, GONE)
            return
        self._shards.send(
            SegmentReady(
                trace=job.trace,
                job=job.job,
                segment=segment.segment,
                items=segment.items,
                shards=segment.shards,
            )
        )

    def _plan(self, event: BlobCreated) -> Job:
        blob = self._input.find(names.check_blob_name(event.blob))
        if blob is None or blob.etag != names.plain_etag(event.data.e_tag):
            raise Changed(event.blob)
        if blob.size == 0:
            raise Refused("the file is empty")
        model = self._models.require(self._model_of(blob))
        with self._input.open(blob.name, blob.etag, blob.size) as file:
            plan = video.plan(file, self._settings.segment_seconds)
        return Job(
            job=event.job,
            trace=event.trace,
            source=Source(
                container=self._input.name, blob=blob.name, etag=blob.etag, size=blob.size
            ),
            model=model,
            created=datetime.now(UTC),
            segments=plan.segments,
            detail=plan.detail.model_dump(),
        )

    def _model_of(self, blob: Blob) -> str:
        """The first folder of the blob's name; else its metadata; else the default."""
        folder = blob.name.split("/")[0] if "/" in blob.name else None
        return folder or blob.metadata.get("style") or self._settings.default_model

    def _write_shards(self, job: Job, number: int, work: Work) -> Segment:
        pts: list[int] = []
        shards = 0
        source = job.source
        with self._input.open(source.blob, source.etag, source.size) as file:
            frames = video.frames(file, job, number, self._settings.jpeg_quality)
            while batch := video.take(frames, SHARD_ITEMS):
                work.check()
                name = names.shard_blob(job.job, number, shards)
                self._jobs.frames.write(name, pack(frame.item for frame in batch))
                pts += [frame.pts for frame in batch]
                shards += 1
        segment = Segment(
            job=job.job,
            segment=number,
            items=len(pts),
            shards=shards,
            detail=video.SegmentDetail(pts=pts).model_dump(),
        )
        self._jobs.add_segment(segment)
        return segment

    def _refuse(self, job: str, source: str, reason: str) -> None:
        log.warning("refused", job=job, source=names.shown(source), reason=reason)
        now = datetime.now(UTC)
        self._jobs.fail(Failure(job=job, source=source, state="refused", reason=reason, at=now))
        self._jobs.sweep(job)


def build(storage: Storage, settings: SplitterSettings, stop: Stop) -> Worker:
    splitter = Splitter(storage, settings)
    routes: list[AnyRoute] = [
        Route("arrivals", BlobCreated, splitter.arrived),
        Route("segments", SegmentPlanned, splitter.split),
    ]
    return Worker(storage, settings, stop, routes)
