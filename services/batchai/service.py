"""Batch AI on this machine: jobs wait for nodes, clusters grow and shrink, processes do the work.

Everything that happens by itself happens in `advance`, which is called often and after each
request: it looks at what runs, resizes each cluster, gives waiting jobs to idle nodes, and removes
what was deleted once nothing of it runs any more.
"""

import threading
import time
from collections.abc import Callable
from functools import partial

from services.batchai.clusters import ClusterKeeper
from services.batchai.jobs import JobKeeper
from services.batchai.places import Places
from services.batchai.records import Cluster, Experiment, Job, Record, Workspace
from services.batchai.runs import Runs
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from shared.logs import logger

log = logger()
#: How long the server stays for processes that not even SIGKILL ends.
LONGEST_KILLING = 5


class BatchAI:
    def __init__(self, settings: ServerSettings) -> None:
        folder = settings.batchai_folder
        self._grace = settings.worker_grace_seconds
        self._troubles: dict[str, str] = {}
        self.node_quota = settings.node_quota
        self.store = Store(folder / "records.sqlite")
        self.places = Places(folder / "mounts")
        runs = Runs(folder / "runs")
        runs.forget_all_but({job.run for job in self.store.all(Job) if job.run})
        self._jobs = JobKeeper(settings, self.store, self.places, runs)
        self._clusters = ClusterKeeper(settings, self.store, self._jobs)
        #: Whoever reads or changes records holds it.
        self.lock = threading.RLock()

    @property
    def free_nodes(self) -> int:
        """How many more the quota allows."""
        used = sum(len(cluster.nodes) for cluster in self.store.all(Cluster))
        return max(0, self.node_quota - used)

    def advance(self) -> None:
        """Never raises: trouble with one thing is logged, and leaves the others alone."""
        with self.lock:
            self.store.catch_up()
            self._look_at_jobs()
            for cluster in self.store.all(Cluster):
                self.safely(cluster.id, partial(self._clusters.advance, cluster))
            self.safely("deleting", self._sweep)

    def jobs(self) -> list[Job]:
        with self.lock:
            return self.store.all(Job)

    def terminate(self, job: Job) -> None:
        self._jobs.terminate(job, "somebody asked for it")

    def delete(self, record: Record) -> None:
        """It and all beneath it; gone once nothing of it runs."""
        for each in [record, *self.store.all(Record, f"{record.id}/")]:
            each.deleting = True
            self.store.save(each)
        for job in self.store.all(Job):
            cluster = self.store.find(Cluster, job.properties.cluster.id)
            if job.deleting:
                self._jobs.terminate(job, "it was deleted")
            elif cluster and cluster.deleting:
                self._jobs.terminate(job, "its cluster was deleted")

    def fail_node(self, job: Job) -> bool:
        """As a machine fails: all at once, with what ran on it; whether there was one."""
        place = self._clusters.place_of(job)
        if place:
            self._clusters.fail(*place)
            self._jobs.kill(job)
        return place is not None

    def close(self) -> None:
        """What runs is told to end, and waited for a while; then no node is left.

        Jobs that wait for a node do so again when the server is back.
        """
        with self.lock:
            for job in self.store.all(Job):
                if job.run:
                    self._jobs.terminate(job, "the service was stopped")
        until = time.monotonic() + self._grace + 2
        while running := [job for job in self.store.all(Job) if job.run]:
            late = time.monotonic() - until
            if late > LONGEST_KILLING:
                break
            with self.lock:
                for job in running if late > 0 else []:
                    self._jobs.kill(job)
                self._look_at_jobs()
            time.sleep(0.05)
        for cluster in self.store.all(Cluster):
            before = len(cluster.nodes)
            cluster.nodes = []
            self._clusters.save(cluster, before)

    def _look_at_jobs(self) -> None:
        for job in self.store.all(Job):
            if job.run:
                self.safely(job.id, partial(self._look_at, job))

    def _look_at(self, job: Job) -> None:
        place = self._clusters.place_of(job)
        self._jobs.look(job, place[1] if place else None)

    def safely(self, what: str, act: Callable[[], None]) -> None:
        """The same trouble, again and again, is logged once."""
        try:
            act()
        except Exception as error:
            if self._troubles.get(what) != repr(error):
                log.exception("trouble; the rest goes on", what=what)
            self._troubles[what] = repr(error)
        else:
            self._troubles.pop(what, None)

    def _sweep(self) -> None:
        """What was deleted goes, from the bottom up."""
        for job in self.store.all(Job):
            if job.deleting and job.over:
                self.places.remove_logs(job)
                self.store.remove(job)
        for cluster in self.store.all(Cluster):
            if cluster.deleting and not cluster.nodes:
                self.store.remove(cluster)
        for kind in (Experiment, Workspace):
            for record in self.store.all(kind):
                if record.deleting and not self.store.all(Record, f"{record.id}/"):
                    self.store.remove(record)
