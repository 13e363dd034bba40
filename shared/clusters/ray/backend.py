"""Workers on a Ray cluster, which exists already and outlives a local stack."""

from pathlib import Path

from shared.clusters.backend import ManagedCluster
from shared.clusters.local import NoProcesses
from shared.clusters.ray.jobs import RayJobs, RaySettings
from shared.clusters.ray.pool import RayPool
from shared.clusters.settings import fleet
from shared.clusters.state import ClusterView
from shared.errors import ClusterError, Misconfigured
from shared.logs import logger
from shared.settings import Settings

log = logger()


class RayBackend:
    settings = RaySettings

    def pool(self, settings: RaySettings) -> RayPool:
        return RayPool(settings)

    def managed(self, folder: Path, nodes: int | None) -> ManagedCluster:
        raise Misconfigured(
            "a Ray cluster is made and sized elsewhere, by KubeRay, `ray up` or `ray start`"
        )

    def view(self, folder: Path, storage: Settings | None) -> ClusterView:
        ray, prefix = RayJobs(RaySettings()), fleet(storage or RaySettings())
        return ClusterView(cluster=ray.state(prefix), jobs=ray.jobs(prefix))

    def local(self, folder: Path, storage: Settings, nodes: int | None) -> "LocalRayJobs":
        return LocalRayJobs(storage)


class LocalRayJobs(NoProcesses):
    """The jobs that a local stack's dispatcher started, which the stack ends."""

    def __init__(self, storage: Settings) -> None:
        self._ray = RayJobs(RaySettings())
        self._fleet = fleet(storage)
        self._ray.nodes()  # raises an error now if Ray doesn't answer

    def close(self) -> None:
        try:
            for job in self._ray.jobs(self._fleet):
                if not job.over:
                    self._ray.stop_job(job.name)
        except ClusterError as error:
            log.warning("workers couldn't be stopped; they leave by themselves", why=str(error))


BACKEND = RayBackend()
