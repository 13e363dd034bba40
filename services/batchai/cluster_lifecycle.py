"""Allocates and releases a cluster's nodes, and assigns waiting jobs to idle nodes."""

from services.batchai.job_errors import quota_reached
from services.batchai.job_lifecycle import JobLifecycle
from services.batchai.resources import BatchCluster, BatchJob, Node, now
from services.batchai.scaling import resize
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from shared.clusters.events import ClusterResized, NodeFailed


class ClusterLifecycle:
    def __init__(self, settings: ServerSettings, store: Store, jobs: JobLifecycle) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs

    def advance(self, cluster: BatchCluster) -> None:
        before = cluster.model_copy(deep=True)
        self._unassign_ended_jobs(cluster)
        self._finish_allocation(cluster)
        self._remove_leaving_nodes(cluster)
        if not cluster.deleting:
            self._resize(cluster)
            self._finish_allocation(cluster)
        if cluster != before:
            self.save(cluster, len(before.nodes))
        if not cluster.deleting:
            self._start_waiting_jobs(cluster)

    def find_node(self, job: BatchJob) -> tuple[BatchCluster, Node] | None:
        for cluster in self._store.all(BatchCluster):
            for node in cluster.nodes:
                if node.job == job.id:
                    return cluster, node
        return None

    def fail_node(self, cluster: BatchCluster, node: Node) -> None:
        node.enter("unusable")
        self._store.save(cluster)
        NodeFailed(cluster=cluster.name, node=node.name).log()

    def save(self, cluster: BatchCluster, nodes_before: int) -> None:
        nodes = len(cluster.nodes)
        if nodes != nodes_before:
            cluster.resized = now()
            ClusterResized(cluster=cluster.name, before=nodes_before, nodes=nodes).log()
        self._store.save(cluster)

    def _unassign_ended_jobs(self, cluster: BatchCluster) -> None:
        """Also jobs that were assigned but not started before the server was killed."""
        for node in cluster.nodes:
            job = self._store.find(BatchJob, node.job) if node.job else None
            if node.job and not (job and job.run):
                node.job = None
                if node.state == "running":
                    node.enter("idle")

    def _finish_allocation(self, cluster: BatchCluster) -> None:
        for node in cluster.nodes:
            waited = (now() - node.since).total_seconds()
            if node.state == "preparing" and waited >= self._settings.allocation_seconds:
                node.enter("idle")

    def _remove_leaving_nodes(self, cluster: BatchCluster) -> None:
        cluster.nodes = [
            node
            for node in cluster.nodes
            if node.job or not (cluster.deleting or node.state == "leaving")
        ]

    def _resize(self, cluster: BatchCluster) -> None:
        scale = cluster.properties.scale_settings
        queued = len(self._jobs.waiting(cluster))
        change = resize(scale, cluster.nodes, queued, now(), self._settings.node_idle_seconds)
        for node in change.release:
            self._release(cluster, node)
        quota = self._settings.node_quota
        room = quota - sum(len(each.nodes) for each in self._store.all(BatchCluster))
        over_quota = change.add > room
        wanted = len(cluster.nodes) + change.add
        cluster.errors = [quota_reached(wanted, quota)] if over_quota else []
        for _ in range(min(change.add, room)):
            cluster.add_node()

    def _release(self, cluster: BatchCluster, node: Node) -> None:
        job = self._store.find(BatchJob, node.job) if node.job else None
        if job is None:
            cluster.nodes.remove(node)
            return
        node.enter("leaving")
        manual = cluster.properties.scale_settings.manual
        option = manual.node_deallocation_option if manual else "requeue"
        if option == "terminate":
            self._jobs.terminate(job, "its node was released")
        elif option == "requeue":
            self._jobs.interrupt(job)

    def _start_waiting_jobs(self, cluster: BatchCluster) -> None:
        idle = [node for node in cluster.nodes if node.state == "idle"]
        for node, job in zip(idle, self._jobs.waiting(cluster), strict=False):
            node.enter("running")
            node.job = job.id
            self._store.save(cluster)
            self._jobs.start(job, node)
