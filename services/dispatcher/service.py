"""The dispatcher: cuts segments into chunks sized to the nodes, and starts workers.

A worker is one job of the cluster. It isn't given a fixed set of shards, but pulls chunks until
there are no more. So a lost node costs one shard, and no node is idle while there is work.

Only as many chunks are sent as keep all nodes busy, and only a few segments of a job are in flight
(shared/segment_window.py). The rest waits in its queues, so a restart forgets nothing.
"""

import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from services.dispatcher.backlog import Backlog, Task
from services.dispatcher.measures import HELP, Measures
from services.dispatcher.sizing import cut_into_chunks, has_room, workers_for
from services.dispatcher.start_policy import ClusterUnusable, Problem, no_answer
from services.dispatcher.workforce import Workforce
from shared.clusters.backend import WorkerPool
from shared.clusters.settings import WorkerSettings
from shared.clusters.table import backend
from shared.errors import ClusterError
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated, ChunkPlanned, SegmentReady
from shared.records import Job
from shared.rights import SWEEPING, Rights
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.segment_window import SegmentWindow, in_flight_from
from shared.storage import LANES, POISON, QUEUES, Storage
from shared.telemetry.metrics import on_demand
from shared.telemetry.retention import Retention
from shared.worker_activity import WorkerActivity

log = logger()
RECONCILE_SECONDS = 2.0
BEFORE_SHARDS = frozenset((*LANES, "segments"))
BEFORE_CHUNKS = ("arrivals", *BEFORE_SHARDS, "shards")
#: How many scored chunks for each node may wait for a stitcher before no more chunks are sent.
SCORED_PER_NODE = 8
RIGHTS = Rights(
    {"logs": "list delete"},
    {
        **dict.fromkeys(QUEUES, "count peek"),  # for the metrics, and to see what is to do
        **dict.fromkeys((name + POISON for name in QUEUES), "count"),
        "segments": "count peek send",
        "chunks": "count peek receive send",
        "lessons": "count peek receive",
        "chunks-poison": "count send",
        "lessons-poison": "count send",
    },
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Dispatcher:
    def __init__(
        self,
        storage: Storage,
        pool: WorkerPool,
        settings: WorkerSettings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._activity = WorkerActivity(storage)
        self._workforce = Workforce(pool, settings, self._activity.last_start, clock)
        self._retention = Retention(storage, settings.job_log_days)
        self.measures = Measures(storage, self._workforce, clock)
        self._jobs = Jobs(storage)
        self._chunks = Backlog(storage, "chunks", ChunkPlanned)
        self._lessons = Backlog(storage, "lessons", BlobCreated)
        self._window = SegmentWindow(storage)
        self._before_chunks = [storage.queue(name) for name in BEFORE_CHUNKS]
        self._scored = storage.queue("scored")
        self._next_look = 0.0
        #: As counted at the last look, or sent since then; None before the first look.
        self._tasks: int | None = None
        #: Whether a file has arrived since the last worker was started for one.
        self._arrived = False
        #: The cluster's refusal, or that it doesn't answer; None since it last answered.
        self._problem: Problem | None = None

    def has_room(self) -> bool:
        """Whether more chunks may be sent: nodes would be idle, and stitchers aren't far behind."""
        nodes = self._pool.nodes
        if self.is_idle:
            return True  # nobody else sends chunks, so there is no need to ask
        few_chunks = has_room(self._chunks.count(), nodes)
        return few_chunks and self._scored.count() < nodes * SCORED_PER_NODE

    def ready(self, segment: SegmentReady, work: Work) -> None:
        """Cut a segment into chunks. Idempotent: shards and segments that are done are skipped."""
        if self._jobs.sweep_if_ended(segment.job):
            return
        job = self._jobs.job(segment.job)
        self._chunks.send(chunks_of(job, segment, self._pool.nodes))
        self._tasks = None
        self._window.send_next(job, done=segment.segment)
        self._next_look = 0

    def heard(self, queues: Collection[str]) -> None:
        """Start a worker for a file that arrives while there is none: it gets ready meanwhile."""
        if self.is_idle and not BEFORE_SHARDS.isdisjoint(queues):
            self._arrived = True
            self._next_look = 0

    @property
    def is_idle(self) -> bool:
        """Whether there were no tasks and no workers at the last look, and none was sent since."""
        return self._tasks == 0 and not (self._problem or self._workforce.alive)

    def reconcile(self) -> bool:
        """Start or cancel workers until their number matches the queues."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + RECONCILE_SECONDS
        try:
            unusable = self._workforce.refresh()
            chunks, lessons = self._chunks.count(), self._lessons.count()
            self._tasks = chunks + lessons
            if self._tasks and not self._workforce.is_running:
                self._discard_tasks(unusable)
                chunks, lessons = self._chunks.count(), self._lessons.count()
            self._match_workers_to_tasks(chunks, lessons)
            self._pool.delete_old_jobs()
            self._retention.enforce()
            self._problem = None
        except ClusterError as error:
            self._wait_for_cluster(error)
        return False

    def _match_workers_to_tasks(self, chunks: int, lessons: int) -> None:
        needed = workers_for(chunks) + min(lessons, self._settings.lesson_workers)
        if self._arrived and not self._workforce.alive:
            needed = max(1, needed)
        self._arrived = False
        self._workforce.needed = needed
        if needed:
            self._workforce.start(needed)
        elif self._workforce.waiting and not any(queue.count() for queue in self._before_chunks):
            self._workforce.cancel_waiting()

    def _wait_for_cluster(self, error: ClusterError) -> None:
        """Running workers go on meanwhile. Jobs that wait for workers fail after a time."""
        if self._problem is None:
            log.warning("can't reach the cluster; trying again", why=str(error))
        now = self._clock()
        self._problem = Problem(str(error), self._problem.since if self._problem else now)
        last_active = self._activity.last_active()
        self._discard_tasks(no_answer(self._problem, last_active, now, self._settings.node_seconds))

    def _discard_tasks(self, unusable: ClusterUnusable | None) -> None:
        """Take the tasks of ended jobs off the queues; fail jobs that no worker will ever do."""

        def is_unwanted(task: Task, sent: datetime) -> bool:
            given_up = unusable is not None and unusable.tried_since(sent)
            return self._jobs.ended(task.job) or given_up

        for backlog in (self._chunks, self._lessons):
            for task in backlog.take_while(is_unwanted):
                if unusable and not self._jobs.ended(task.job):
                    self._fail(task, unusable)
                self._jobs.sweep_if_ended(task.job)

    def _fail(self, task: Task, unusable: ClusterUnusable) -> None:
        log_lines = self._workforce.end_of_log(unusable.worker) if unusable.worker else ""
        reason = "; ".join([f"no worker could start: {unusable.why}", *log_lines.splitlines()[-1:]])
        self._jobs.fail_job_of(task, reason)
        log.error("failed", job=task.job, reason=reason)


def chunks_of(job: Job, segment: SegmentReady, nodes: int) -> Iterator[ChunkPlanned]:
    per_shard = max(1, segment.items) / max(1, segment.shards)
    shards_after = int(job.items_after(segment.segment) / per_shard)
    at_once = in_flight_from(job, segment.segment)
    for number, chunk in enumerate(cut_into_chunks(segment.shards, shards_after, nodes, at_once)):
        yield ChunkPlanned(
            trace=job.trace,
            job=job.job,
            segment=segment.segment,
            chunk=number,
            model=job.model,
            first_shard=chunk.first_shard,
            shards=chunk.shards,
        )


def build(storage: Storage, settings: WorkerSettings, stop: Stop) -> Consumer:
    pool = backend(settings.cluster).pool(settings)
    dispatcher = Dispatcher(storage, pool, settings)
    on_demand("dispatcher", HELP, dispatcher.measures)
    routes = [Route("shards", SegmentReady, dispatcher.ready, dispatcher.has_room)]
    return Consumer(
        storage,
        settings,
        stop,
        routes,
        tick=dispatcher.reconcile,
        rights=[RIGHTS, SWEEPING],
        at_end=pool.close,
        woken_by=("chunks", "lessons", *BEFORE_SHARDS),
        heard=dispatcher.heard,
        may_be_late=lambda: dispatcher.is_idle,
    )
