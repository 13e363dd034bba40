"""Workers on Azure Machine Learning. They can't reach a stack on this machine."""

from pathlib import Path

from shared.clusters.azureml.cluster import AzureMLCluster
from shared.clusters.azureml.connection import AzureMLSettings
from shared.clusters.azureml.jobs import AzureMLJobs
from shared.clusters.azureml.pool import AzureMLPool
from shared.clusters.backend import LocalWorkers
from shared.clusters.checks import existing, given
from shared.clusters.settings import fleet
from shared.clusters.state import ClusterView
from shared.errors import Misconfigured
from shared.settings import Settings


class AzureMLBackend:
    settings = AzureMLSettings

    def pool(self, settings: AzureMLSettings) -> AzureMLPool:
        return AzureMLPool(settings)

    def managed(self, folder: Path, nodes: int | None) -> AzureMLCluster:
        return AzureMLCluster(AzureMLSettings(**given(nodes)))

    def view(self, folder: Path, storage: Settings | None) -> ClusterView:
        settings = AzureMLSettings()
        state = AzureMLCluster(settings).state()
        jobs = AzureMLJobs(settings).tagged(fleet(settings))
        return ClusterView(cluster=existing(state), jobs=jobs)

    def local(self, folder: Path, storage: Settings, nodes: int | None) -> LocalWorkers:
        raise Misconfigured(
            "IMPASTO_CLUSTER is azureml, and workers in Azure can't reach a stack on this"
            " machine; run the services where their storage is"
        )


BACKEND = AzureMLBackend()
