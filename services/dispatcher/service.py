"""The dispatcher: cuts segments into chunks sized to the nodes, and sees that workers exist."""

import time

from services.dispatcher.batchai import BatchAICluster
from services.dispatcher.cluster import Cluster
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.sizing import runs, shards_per_chunk
from services.dispatcher.workforce import Workforce
from shared.errors import ClusterError
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import ChunkPlanned, SegmentReady
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.runtime.worker import Worker
from shared.shards import SHARD_ITEMS
from shared.storage import Storage

log = logger()
RECONCILE_SECONDS = 1.0


class Dispatcher:
    def __init__(self, storage: Storage, cluster: Cluster, settings: DispatcherSettings) -> None:
        self._cluster = cluster
        self._workforce = Workforce(cluster, settings)
        self._jobs = Jobs(storage)
        self._chunks = storage.queue("chunks")
        self._next_look = 0.0
        self._in_trouble = False

    def ready(self, segment: SegmentReady, work: Work) -> None:
        """Sending a chunk twice does no harm: its shards that are scored already are skipped."""
        if self._jobs.ended(segment.job):
            return
        job = self._jobs.job(segment.job)
        per_chunk = shards_per_chunk(job.items, self._cluster.nodes, SHARD_ITEMS)
        for number, run in enumerate(runs(segment.shards, per_chunk)):
            self._chunks.send(
                ChunkPlanned(
                    trace=job.trace,
                    job=job.job,
                    segment=segment.segment,
                    chunk=number,
                    model=job.model,
                    first_shard=run.first_shard,
                    shards=run.shards,
                )
            )
        self._next_look = 0

    def reconcile(self) -> bool:
        """Make the workers that are be as many as the work wants, whatever became of them."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + RECONCILE_SECONDS
        try:
            self._workforce.look()
            self._workforce.grow(self._chunks.count())
            self._in_trouble = False
        except ClusterError as error:
            if not self._in_trouble:
                log.warning("no new workers for now; trying again", why=str(error))
            self._in_trouble = True
        return False


def build(storage: Storage, settings: DispatcherSettings, stop: Stop) -> Worker:
    cluster = BatchAICluster(settings)
    dispatcher = Dispatcher(storage, cluster, settings)
    routes = [Route("shards", SegmentReady, dispatcher.ready)]
    return Worker(storage, settings, stop, routes, tick=dispatcher.reconcile, at_end=cluster.close)
