"""The splitter: opens videos, plans their segments, and decodes each segment into shards.

Videos wait in lanes, which take turns. One is opened when there is room for it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from services.splitter import video
from services.splitter.in_flight import InFlight
from services.splitter.settings import SplitterSettings
from shared import names
from shared.arrivals import Arrivals
from shared.blobs import Blob
from shared.errors import Changed, JobEnded, Refused, Reject
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated, SegmentPlanned, SegmentReady
from shared.models import Models
from shared.queues import Lanes
from shared.records import Job, Segment, Source
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.sandbox import MIB
from shared.segment_window import SegmentWindow
from shared.storage import LANES, Storage

log = logger()
#: How often a long handler checks whether its job has been cancelled.
CHECK_SECONDS = 5.0
RIGHTS = Rights(
    {"input": "read", "frames": "write", "models": "list", "styles": "list"},
    {**dict.fromkeys(LANES, "send"), "segments": "count send", "shards": "count send"},
)
FAILURE = "the video can't be decoded"


class Splitter:
    def __init__(self, storage: Storage, settings: SplitterSettings) -> None:
        self._settings = settings
        self._input = storage.container("input")
        self._jobs = Jobs(storage)
        self._arrivals = Arrivals(storage)
        self._models = Models(storage)
        self.in_flight = InFlight(storage, settings.segments_ahead)
        self._window = SegmentWindow(storage)
        self._shards = storage.queue("shards")
        self._decoder = video.Decoder(self._input, settings)
        self.start, self.close = self._decoder.start, self._decoder.close

    def put_in_lane(self, event: BlobCreated, _work: Work) -> None:
        """Queue what Event Grid announced behind the other videos of its top folder."""
        self._require_input(event)
        for found in self._arrivals.current_events(self._input, event):
            self._arrivals.announce(found)

    def open_video(self, event: BlobCreated, work: Work) -> None:
        """Plan a video's segments, and send the first ones to be split."""
        self._require_input(event)
        if self._jobs.sweep_if_ended(event.job):
            return
        try:
            job = self._jobs.find(event.job) or self._jobs.begin(self._plan(event, work))
        except JobEnded:
            return
        except INPUT_ERRORS as error:
            end_job(self._jobs, event.job, Source.of(event), error, work.attempt, FAILURE)
            return
        log.info("planned", model=job.model, segments=len(job.segments), items=job.items)
        self.in_flight.planned(self._window.send_first(job))

    def split(self, planned: SegmentPlanned, work: Work) -> None:
        """Decode a segment into shards, and tell the dispatcher."""
        if self._jobs.sweep_if_ended(planned.job):
            return
        job = self._jobs.job(planned.job)
        try:
            segment = self._jobs.segment(job.job, planned.segment)
            if segment is None or not self._jobs.has_shards(segment):
                segment = self._write_shards(job, planned.segment, work)
        except JobEnded:
            self._jobs.sweep_if_ended(job.job)
            return
        except INPUT_ERRORS as error:
            end_job(self._jobs, job.job, job.source, error, work.attempt, FAILURE)
            return
        if self._jobs.sweep_if_ended(job.job):  # another delivery may have been faster
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
        self.in_flight.split()

    def _require_input(self, event: BlobCreated) -> None:
        if event.container != self._input.name:
            raise Reject(f"{names.shown(event.container)} isn't the container to drop files in")

    def _plan(self, event: BlobCreated, work: Work) -> Job:
        names.check_blob_name(event.blob)
        blob = self._jobs.find_source(Source.of(event))
        if blob is None:
            raise Changed(event.blob)
        if blob.size == 0:
            raise Refused("the file is empty")
        if blob.size > self._settings.largest_mib * MIB:
            raise Refused(f"the file is larger than {self._settings.largest_mib:,} MiB")
        model = self._models.require(self._model_of(blob))
        source = Source(
            container=self._input.name, blob=blob.name, etag=blob.etag, size=blob.size, md5=blob.md5
        )
        plan = self._decoder.plan(source, self._check_of(event.job, work))
        return Job(
            job=event.job,
            trace=event.trace,
            source=source,
            model=model,
            created=datetime.now(UTC),
            segments=plan.segments,
            window=self._settings.segments_ahead,
            detail=plan.detail.model_dump(),
        )

    def _model_of(self, blob: Blob) -> str:
        """The blob's first folder; without one its metadata; without that the default."""
        folder = blob.name.split("/")[0] if "/" in blob.name else None
        return folder or blob.metadata.get("style") or self._settings.default_model

    def _write_shards(self, job: Job, number: int, work: Work) -> Segment:
        def write(shard: int, data: bytes) -> None:
            self._jobs.frames.write(names.shard_blob(job.job, number, shard), data)

        job = self._jobs.with_current_etag(job)
        segment = self._decoder.decode(job, number, write, self._check_of(job.job, work))
        self._jobs.add_segment(segment)
        return segment

    def _check_of(self, job: str, work: Work) -> Callable[[], None]:
        """Return `work.check` that also raises JobEnded soon after the job is cancelled."""
        next_check = time.monotonic() + CHECK_SECONDS

        def check() -> None:
            nonlocal next_check
            work.check()
            if time.monotonic() >= next_check:
                if self._jobs.ended(job):
                    raise JobEnded(f"{job} has ended")
                next_check = time.monotonic() + CHECK_SECONDS

        return check


def build(storage: Storage, settings: SplitterSettings, stop: Stop) -> Consumer:
    splitter = Splitter(storage, settings)
    splitter.start()
    lanes = Lanes([storage.queue(name) for name in LANES], settings.idle_seconds)
    routes: list[AnyRoute] = [
        Route("arrivals", BlobCreated, splitter.put_in_lane),
        Route(
            "waiting",
            BlobCreated,
            splitter.open_video,
            splitter.in_flight.has_room_for_video,
            lanes,
        ),
        Route("segments", SegmentPlanned, splitter.split, splitter.in_flight.has_room_for_segment),
    ]
    return Consumer(
        storage, settings, stop, routes, rights=[RIGHTS, SWEEPING], at_end=splitter.close
    )
