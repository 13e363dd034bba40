"""Batch AI on this machine: nodes are slots, jobs are processes.

`advance` does everything that no request does directly. It is called several times a second and
after each request: it records jobs that ended, resizes clusters, starts waiting jobs on idle nodes,
and removes deleted resources that nothing uses any more.
"""

import threading
import time
from collections.abc import Callable
from functools import partial

from services.batchai.cluster_lifecycle import ClusterLifecycle
from services.batchai.job_lifecycle import JobLifecycle
from services.batchai.job_paths import JobPaths
from services.batchai.resources import BatchCluster, BatchJob, Experiment, Resource, Workspace
from services.batchai.runs import Runs
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from shared.logs import logger

log = logger()
#: How long to wait at shutdown for processes that SIGKILL doesn't end.
LONGEST_KILL_SECONDS = 5


class BatchAI:
    def __init__(self, settings: ServerSettings) -> None:
        folder = settings.batchai_folder
        self._grace = settings.worker_grace_seconds
        self._last_errors: dict[str, str] = {}
        self.node_quota = settings.node_quota
        self.store = Store(folder / "records.sqlite")
        self.job_paths = JobPaths(folder / "mounts")
        runs = Runs(folder / "runs")
        runs.remove_all_but({job.run for job in self.store.all(BatchJob) if job.run})
        self._jobs = JobLifecycle(settings, self.store, self.job_paths, runs)
        self._clusters = ClusterLifecycle(settings, self.store, self._jobs)
        #: Hold it to read or change resources.
        self.lock = threading.RLock()

    @property
    def free_nodes(self) -> int:
        """How many more nodes the quota allows."""
        used = sum(len(cluster.nodes) for cluster in self.store.all(BatchCluster))
        return max(0, self.node_quota - used)

    @property
    def is_busy(self) -> bool:
        """Whether anything may change without a request."""
        with self.lock:
            return (
                any(cluster.nodes for cluster in self.store.all(BatchCluster))
                or any(not job.over for job in self.store.all(BatchJob))
                or any(resource.deleting for resource in self.store.all(Resource))
            )

    def advance(self) -> None:
        """Never raises: an error with one resource is logged and doesn't affect the others."""
        with self.lock:
            self.store.catch_up()
            self._settle_ended_jobs()
            for cluster in self.store.all(BatchCluster):
                self.safely(cluster.id, partial(self._clusters.advance, cluster))
            self.safely("deleting", self._remove_deleted)

    def jobs(self) -> list[BatchJob]:
        with self.lock:
            return self.store.all(BatchJob)

    def terminate(self, job: BatchJob) -> None:
        self._jobs.terminate(job, "a client requested it")

    def delete(self, resource: Resource) -> None:
        """Marks it and all below it; `advance` removes them once nothing of them runs."""
        for each in [resource, *self.store.all(Resource, f"{resource.id}/")]:
            each.deleting = True
            self.store.save(each)
        for job in self.store.all(BatchJob):
            cluster = self.store.find(BatchCluster, job.properties.cluster.id)
            if job.deleting:
                self._jobs.terminate(job, "it was deleted")
            elif cluster and cluster.deleting:
                self._jobs.terminate(job, "its cluster was deleted")

    def fail_node(self, job: BatchJob) -> bool:
        """Make the job's node unusable and kill the job; False if it is on no node."""
        found = self._clusters.find_node(job)
        if found:
            self._clusters.fail_node(*found)
            self._jobs.kill(job)
        return found is not None

    def close(self) -> None:
        """Terminate running jobs, and kill those that don't end in time; then remove all nodes.

        Queued jobs stay queued for the next start.
        """
        with self.lock:
            for job in self.store.all(BatchJob):
                if job.run:
                    self._jobs.terminate(job, "the service was stopped")
        until = time.monotonic() + self._grace + 2
        while running := [job for job in self.store.all(BatchJob) if job.run]:
            late = time.monotonic() - until
            if late > LONGEST_KILL_SECONDS:
                break
            with self.lock:
                for job in running if late > 0 else []:
                    self._jobs.kill(job)
                self._settle_ended_jobs()
            time.sleep(0.05)
        for cluster in self.store.all(BatchCluster):
            before = len(cluster.nodes)
            cluster.nodes = []
            self._clusters.save(cluster, before)

    def _settle_ended_jobs(self) -> None:
        for job in self.store.all(BatchJob):
            if job.run:
                self.safely(job.id, partial(self._settle_if_ended, job))

    def _settle_if_ended(self, job: BatchJob) -> None:
        found = self._clusters.find_node(job)
        self._jobs.settle_if_ended(job, found[1] if found else None)

    def safely(self, what: str, act: Callable[[], None]) -> None:
        """Log an error instead of raising it, but not the same error twice in a row."""
        try:
            act()
        except Exception as error:
            if self._last_errors.get(what) != repr(error):
                log.exception("step failed; the others go on", what=what)
            self._last_errors[what] = repr(error)
        else:
            self._last_errors.pop(what, None)

    def _remove_deleted(self) -> None:
        for job in self.store.all(BatchJob):
            if job.deleting and job.over:
                self.job_paths.remove_logs(job)
                self.store.remove(job)
        for cluster in self.store.all(BatchCluster):
            if cluster.deleting and not cluster.nodes:
                self.store.remove(cluster)
        for kind in (Experiment, Workspace):
            for resource in self.store.all(kind):
                if resource.deleting and not self.store.all(Resource, f"{resource.id}/"):
                    self.store.remove(resource)
