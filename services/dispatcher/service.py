"""The dispatcher: cuts segments into chunks sized to the nodes, and sees that workers exist.

A worker is one job of the cluster: not a fixed set of frames, but a process that pulls chunks until
there are no more. So a lost node costs one shard and not its share, and no node is idle while there
is work.

No more chunks are sent than keep all nodes busy, and only a few segments of a job are in flight
(shared/segment_window.py). Nothing has to be remembered: what isn't sent yet is still in its queue.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from services.dispatcher.backlog import Backlog, Task
from services.dispatcher.patience import Hopeless, Trouble, no_answer
from services.dispatcher.sizing import has_room, runs, workers_for
from services.dispatcher.workforce import Workforce
from shared.attendance import Attendance
from shared.clusters.backend import WorkerPool
from shared.clusters.settings import WorkerSettings
from shared.clusters.table import backend
from shared.errors import ClusterError
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated, ChunkPlanned, SegmentReady
from shared.needs import SWEEPING, Needs
from shared.records import Job
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.segment_window import SegmentWindow, in_flight_from
from shared.shards import SHARD_ITEMS
from shared.storage import LANES, Storage

log = logger()
RECONCILE_SECONDS = 2.0
BEFORE_CHUNKS = ("arrivals", *LANES, "segments", "shards")
#: How many scored chunks for each node may wait for a stitcher before no more are sent.
SCORED_PER_NODE = 8
NEEDS = Needs(
    queues={
        **dict.fromkeys(BEFORE_CHUNKS, "count"),
        "segments": "count send",
        "scored": "count",
        "chunks": "count peek receive send",
        "lessons": "count peek receive",
        "chunks-poison": "send",
        "lessons-poison": "send",
    }
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
        self._clock = clock
        self._attendance = Attendance(storage)
        self._workforce = Workforce(pool, settings, self._attendance.got_to_work, clock)
        self._node_seconds = settings.node_seconds
        self._lesson_workers = settings.lesson_workers
        self._jobs = Jobs(storage)
        self._chunks = Backlog(storage, "chunks", ChunkPlanned)
        self._lessons = Backlog(storage, "lessons", BlobCreated)
        self._window = SegmentWindow(storage)
        self._on_their_way = [storage.queue(name) for name in BEFORE_CHUNKS]
        self._scored = storage.queue("scored")
        self._next_look = 0.0
        #: Since the cluster has refused, or not answered, at every look.
        self._trouble: Trouble | None = None

    def has_room(self) -> bool:
        """Whether more chunks may be sent: nodes would be idle, and stitchers aren't far behind."""
        nodes = self._pool.nodes
        behind = nodes * SCORED_PER_NODE
        return has_room(self._chunks.count(), nodes) and self._scored.count() < behind

    def ready(self, segment: SegmentReady, work: Work) -> None:
        """Done twice it does no harm: what is scored, or split, already isn't scored or split."""
        if self._jobs.sweep_if_ended(segment.job):
            return
        job = self._jobs.job(segment.job)
        self._chunks.add(chunks(job, segment, self._pool.nodes))
        self._window.send_next(job, segment.segment)
        self._next_look = 0

    def reconcile(self) -> bool:
        """Make the workers that are be as many as the work wants, whatever became of them."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + RECONCILE_SECONDS
        try:
            self._match_workers_to_work()
            self._trouble = None
        except ClusterError as error:
            self._sit_out(error)
        return False

    def _sit_out(self, error: ClusterError) -> None:
        """Workers that run don't need the cluster's answers; what waits can wait for a while."""
        if self._trouble is None:
            log.warning("no new workers for now; trying again", why=str(error))
        now = self._clock()
        self._trouble = Trouble(str(error), self._trouble.since if self._trouble else now)
        at_work = self._attendance.at_work()
        self._clear(no_answer(self._trouble, at_work, now, self._node_seconds))

    def _match_workers_to_work(self) -> None:
        hopeless = self._workforce.look()
        if not self._workforce.at_work:
            self._clear(hopeless)
        lessons = min(self._lessons.count(), self._lesson_workers)
        wanted = workers_for(self._chunks.count()) + lessons
        if wanted:
            self._workforce.grow(wanted)
        elif self._workforce.waiting and not any(queue.count() for queue in self._on_their_way):
            self._workforce.dismiss()
        self._pool.delete_old_jobs()

    def _clear(self, hopeless: Hopeless | None) -> None:
        """What is left of jobs that have ended; and end those that wait for a hopeless cluster."""

        def unwanted(task: Task, since: datetime) -> bool:
            if not self._jobs.sweep_if_ended(task.job):
                if hopeless is None or not hopeless.tried(since):
                    return False
                self._fail(task, hopeless)
            return True

        self._chunks.clear(unwanted)
        self._lessons.clear(unwanted)

    def _fail(self, task: Task, hopeless: Hopeless) -> None:
        words = self._workforce.end_of_log(hopeless.worker) if hopeless.worker else ""
        reason = "; ".join([f"no worker could start: {hopeless.why}", *words.splitlines()[-1:]])
        self._jobs.fail_of(task, reason)
        log.error("failed", job=task.job, reason=reason)


def chunks(job: Job, segment: SegmentReady, nodes: int) -> Iterator[ChunkPlanned]:
    shards_after = job.items_after(segment.segment) // SHARD_ITEMS
    at_once = in_flight_from(job, segment.segment)
    for number, run in enumerate(runs(segment.shards, shards_after, nodes, at_once)):
        yield ChunkPlanned(
            trace=job.trace,
            job=job.job,
            segment=segment.segment,
            chunk=number,
            model=job.model,
            first_shard=run.first_shard,
            shards=run.shards,
        )


def build(storage: Storage, settings: WorkerSettings, stop: Stop) -> Consumer:
    pool = backend(settings.cluster).pool(settings)
    dispatcher = Dispatcher(storage, pool, settings)
    routes = [Route("shards", SegmentReady, dispatcher.ready, dispatcher.has_room)]
    return Consumer(
        storage,
        settings,
        stop,
        routes,
        tick=dispatcher.reconcile,
        needs=[NEEDS, SWEEPING],
        at_end=pool.close,
    )
