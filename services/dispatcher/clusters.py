"""The cluster that the settings name; only the libraries that it needs are imported."""

from services.dispatcher.cluster import Cluster
from services.dispatcher.settings import DispatcherSettings


def chosen(settings: DispatcherSettings) -> Cluster:
    match settings.cluster:
        case "batchai":
            from services.dispatcher.batchai import BatchAICluster

            return BatchAICluster(settings)
        case "azureml":
            from services.dispatcher.azureml import AzureMLCluster

            return AzureMLCluster(settings)
        case "ray":
            from services.dispatcher.rayjobs import RayCluster

            return RayCluster(settings)
        case "queue":
            from services.dispatcher.replicas import Replicas

            return Replicas(settings)
