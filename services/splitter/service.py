"""The splitter: plans a job's segments, and splits each segment into shards.

Jobs wait in lanes, which take turns. One is opened when there is room for it. What is in their
inputs is for their workload to know.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from services.splitter.in_flight import InFlight
from services.splitter.settings import SplitterSettings
from shared import names
from shared.arrivals import Arrivals
from shared.errors import JobEnded, Reject
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated, SegmentPlanned, SegmentReady
from shared.queues import Lanes
from shared.records import Job, Segment, Source
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import AnyRoute, Route, Work
from shared.segment_window import SegmentWindow
from shared.storage import LANES, Storage
from shared.telemetry.metrics import FIRST_SHARD_SECONDS
from shared.telemetry.spans import span
from shared.telemetry.stages import stage
from shared.workload import Check, Splitting, Workload
from shared.workloads import inputs, installed, lessons, workload_called, workload_of_input

log = logger()
#: How often a long handler checks whether its job has been cancelled.
CHECK_SECONDS = 5.0
#: How long a lane that stays empty isn't asked, where a bell rings for each message in it.
LONGEST_REST = 240.0
RIGHTS = Rights(
    {
        **dict.fromkeys(inputs(), "list read"),
        **dict.fromkeys(lessons(), "list"),
        "shards": "write",
        "models": "list read",
    },
    {**dict.fromkeys(LANES, "send"), "segments": "count send", "shards": "count send"},
)


class Splitter:
    def __init__(
        self, storage: Storage, settings: SplitterSettings, parts: Mapping[str, Splitting]
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._jobs = Jobs(storage)
        self._arrivals = Arrivals(storage)
        self.in_flight = InFlight(storage, settings.segments_ahead)
        self._window = SegmentWindow(storage)
        self._shards = storage.queue("shards")
        self._parts = parts

    def close(self) -> None:
        for part in self._parts.values():
            part.close()

    def put_in_lane(self, event: BlobCreated, _work: Work) -> None:
        """Queue what Event Grid announced behind the other jobs of its top folder."""
        require_workload(event)
        container = self._storage.container(event.container)
        for found in self._arrivals.current_events(container, event):
            self._arrivals.announce(found)

    def open_job(self, event: BlobCreated, work: Work) -> None:
        """Plan a job's segments, and send the first ones to be split."""
        workload = require_workload(event)
        if self._jobs.sweep_if_ended(event.job):
            return
        try:
            job = self._jobs.find(event.job) or self._jobs.begin(self._plan(workload, event, work))
        except JobEnded:
            return
        except INPUT_ERRORS as error:
            failure = self._parts[workload.name].failure
            end_job(self._jobs, event.job, Source.of(event), error, work.attempt, failure)
            return
        log.info("planned", model=job.model, segments=len(job.segments), items=job.items)
        self.in_flight.planned(self._window.send_first(job))

    def split(self, planned: SegmentPlanned, work: Work) -> None:
        """Split a segment into shards, and tell the dispatcher."""
        if self._jobs.sweep_if_ended(planned.job):
            return
        job = self._jobs.job(planned.job)
        part = self._parts[workload_called(job.workload).name]
        try:
            segment = self._jobs.segment(job.job, planned.segment)
            if segment is None or not self._jobs.has_shards(segment):
                segment = self._write_shards(part, job, planned.segment, work)
        except JobEnded:
            self._jobs.sweep_if_ended(job.job)
            return
        except INPUT_ERRORS as error:
            end_job(self._jobs, job.job, job.source, error, work.attempt, part.failure)
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

    def _plan(self, workload: Workload, event: BlobCreated, work: Work) -> Job:
        check = self._check_of(event.job, work)
        with stage("plan"):
            plan = self._parts[workload.name].plan(event, check)
        check()
        return Job(
            job=event.job,
            trace=event.trace,
            workload=workload.name,
            source=plan.source,
            model=plan.model,
            created=datetime.now(UTC),
            dropped=event.event_time,
            segments=plan.segments,
            window=self._settings.segments_ahead,
            shard_items=plan.shard_items,
            detail=plan.detail,
        )

    def _write_shards(self, part: Splitting, job: Job, number: int, work: Work) -> Segment:
        def write(shard: int, data: bytes) -> None:
            with span("upload", shard=shard):
                self._jobs.shards.write(names.shard_blob(job.job, number, shard), data)
            if number == shard == 0 and job.dropped:
                since_drop = (datetime.now(UTC) - job.dropped).total_seconds()
                FIRST_SHARD_SECONDS.observe(max(0.0, since_drop))

        with stage("split") as splitting:
            segment = part.split(job, number, write, self._check_of(job.job, work))
            splitting.items = segment.items
        segment = segment.model_copy(update={"spent": splitting.done()})
        self._jobs.add_segment(segment)
        return segment

    def _check_of(self, job: str, work: Work) -> Check:
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


def require_workload(event: BlobCreated) -> Workload:
    workload = workload_of_input(event.container)
    if workload is None:
        raise Reject(f"{names.shown(event.container)} isn't the container of any workload's input")
    return workload


def build(storage: Storage, settings: SplitterSettings, stop: Stop) -> Consumer:
    parts = {name: workload.splitting(storage) for name, workload in installed().items()}
    splitter = Splitter(storage, settings, parts)
    rest = settings.idle_seconds
    longest = LONGEST_REST if settings.bells else rest
    lanes = Lanes([storage.queue(name) for name in LANES], rest, longest)
    routes: list[AnyRoute] = [
        Route("arrivals", BlobCreated, splitter.put_in_lane),
        Route(
            "waiting",
            BlobCreated,
            splitter.open_job,
            splitter.in_flight.has_room_for_job,
            lanes,
        ),
        Route("segments", SegmentPlanned, splitter.split, splitter.in_flight.has_room_for_segment),
    ]
    return Consumer(
        storage, settings, stop, routes, rights=[RIGHTS, SWEEPING], at_end=splitter.close
    )
