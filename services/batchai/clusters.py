"""A cluster's nodes: they come, take jobs, rest and go."""

from services.batchai.jobs import JobKeeper
from services.batchai.records import Cluster, Job, Node, now
from services.batchai.scaling import resize
from services.batchai.settings import ServerSettings
from services.batchai.store import Store
from services.batchai.troubles import quota_reached
from shared.logs import logger

log = logger()


class ClusterKeeper:
    def __init__(self, settings: ServerSettings, store: Store, jobs: JobKeeper) -> None:
        self._settings = settings
        self._store = store
        self._jobs = jobs

    def advance(self, cluster: Cluster) -> None:
        before = cluster.model_copy(deep=True)
        self._free(cluster)
        self._prepare(cluster)
        self._drop_what_left(cluster)
        if not cluster.deleting:
            self._resize(cluster)
            self._prepare(cluster)
        if cluster != before:
            self.save(cluster, len(before.nodes))
        if not cluster.deleting:
            self._give_work(cluster)

    def place_of(self, job: Job) -> tuple[Cluster, Node] | None:
        for cluster in self._store.all(Cluster):
            for node in cluster.nodes:
                if node.job == job.id:
                    return cluster, node
        return None

    def fail(self, cluster: Cluster, node: Node) -> None:
        node.become("unusable")
        self._store.save(cluster)
        log.warning("node failed", cluster=cluster.name, node=node.name)

    def save(self, cluster: Cluster, before: int) -> None:
        nodes = len(cluster.nodes)
        if nodes != before:
            cluster.resized = now()
            log.info("cluster resized", cluster=cluster.name, before=before, nodes=nodes)
        self._store.save(cluster)

    def _free(self, cluster: Cluster) -> None:
        """Nodes whose job is gone; or never came, if we were killed between the two."""
        for node in cluster.nodes:
            job = self._store.find(Job, node.job) if node.job else None
            if node.job and not (job and job.run):
                node.job = None
                if node.state == "running":
                    node.become("idle")

    def _prepare(self, cluster: Cluster) -> None:
        for node in cluster.nodes:
            waited = (now() - node.since).total_seconds()
            if node.state == "preparing" and waited >= self._settings.allocation_seconds:
                node.become("idle")

    def _drop_what_left(self, cluster: Cluster) -> None:
        cluster.nodes = [
            node
            for node in cluster.nodes
            if node.job or not (cluster.deleting or node.state == "leaving")
        ]

    def _resize(self, cluster: Cluster) -> None:
        scale = cluster.properties.scale_settings
        queued = len(self._jobs.waiting(cluster))
        wish = resize(scale, cluster.nodes, queued, now(), self._settings.node_idle_seconds)
        for node in wish.let_go:
            self._let_go(cluster, node)
        quota = self._settings.node_quota
        room = quota - sum(len(each.nodes) for each in self._store.all(Cluster))
        short = wish.add > room
        cluster.errors = [quota_reached(len(cluster.nodes) + wish.add, quota)] if short else []
        for _ in range(min(wish.add, room)):
            cluster.add_node()

    def _let_go(self, cluster: Cluster, node: Node) -> None:
        job = self._store.find(Job, node.job) if node.job else None
        if job is None:
            cluster.nodes.remove(node)
            return
        node.become("leaving")
        manual = cluster.properties.scale_settings.manual
        option = manual.node_deallocation_option if manual else "requeue"
        if option == "terminate":
            self._jobs.terminate(job, "its node was let go")
        elif option == "requeue":
            self._jobs.interrupt(job)

    def _give_work(self, cluster: Cluster) -> None:
        idle = [node for node in cluster.nodes if node.state == "idle"]
        for node, job in zip(idle, self._jobs.waiting(cluster), strict=False):
            node.become("running")
            node.job = job.id
            self._store.save(cluster)
            self._jobs.start(job, node)
