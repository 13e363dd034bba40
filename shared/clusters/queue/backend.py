"""Workers as replicas. Chunks are sized to the highest number that may run."""

from pathlib import Path

from shared.clusters.backend import ManagedCluster
from shared.clusters.local import NoProcesses, share_of_cores
from shared.clusters.settings import ClusterSettings, WorkerSettings
from shared.clusters.state import ReplicasView, WorkerState
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import Storage


class QueueBackend:
    settings = WorkerSettings

    def pool(self, settings: WorkerSettings) -> "Replicas":
        return Replicas(settings.nodes)

    def managed(self, folder: Path, nodes: int | None) -> ManagedCluster:
        raise Misconfigured(
            "with IMPASTO_CLUSTER=queue there is no cluster: workers are replicas that"
            " something else keeps, such as KEDA or Compose"
        )

    def view(self, folder: Path, storage: Settings | None) -> ReplicasView:
        if storage is None:
            raise Misconfigured(f"no stack was ever up in {folder}; start one with `impasto up`")
        chunks = Storage(storage).queue("chunks").count()
        return ReplicasView(replicas=ClusterSettings().nodes, chunks=chunks)

    def local(self, folder: Path, storage: Settings, nodes: int | None) -> "LocalReplicas":
        return LocalReplicas(nodes or ClusterSettings().nodes)


class Replicas:
    """A pool that starts and lists no worker."""

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes

    def refresh(self) -> list[WorkerState]:
        return []

    def why_no_node(self) -> str | None:
        return None

    def end_of_log(self, worker: str) -> str:
        return ""

    def start(self, workers: int) -> None:
        """Compose keeps a fixed number, and KEDA reads the length of the queue by itself."""

    def cancel(self, worker: str) -> None:
        """No worker was started."""

    def delete_old_jobs(self) -> None:
        """Replicas aren't jobs."""

    def close(self) -> None:
        """Nothing is open."""


class LocalReplicas(NoProcesses):
    """Scorers as processes of a local stack, which never leave for want of work."""

    def __init__(self, workers: int) -> None:
        self.services = tuple(f"scorer-{n}" for n in range(1, workers + 1))
        self._environment = {"IMPASTO_IDLE_EXIT_SECONDS": ""} | share_of_cores(workers)

    def environment(self, service: str) -> dict[str, str]:
        return self._environment if service in self.services else {}


BACKEND = QueueBackend()
