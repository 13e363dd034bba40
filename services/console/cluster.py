"""The cluster that workers run on, as a person may look at it and change it."""

import os
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from services.console import accounts
from shared.azureml.cluster import RemoteCluster as AzureMLCluster
from shared.azureml.connection import AzureMLSettings
from shared.azureml.jobs import RemoteJobs
from shared.batchai.access import Access
from shared.batchai.cluster import RemoteCluster as BatchAICluster
from shared.batchai.connection import BatchAISettings
from shared.batchai.painted import by_video
from shared.clusters import ClusterSettings, ClusterState, JobState, fleet
from shared.errors import Misconfigured, Missing
from shared.rayjobs import RayJobs, RaySettings
from shared.storage import Storage


class View(BaseModel):
    cluster: ClusterState
    jobs: list[JobState]


class Replicas(BaseModel):
    """All that is known of workers that something else keeps: how many there may be, and why."""

    replicas: int
    chunks: int


class Managed(Protocol):
    """A cluster that its service makes, resizes and removes for us."""

    def ensure(self) -> None: ...

    def scale(self, minimum: int, maximum: int) -> None: ...

    def delete(self) -> None: ...


def managed(data: Path, nodes: int | None = None) -> Managed:
    match ClusterSettings().cluster:
        case "batchai":
            return batchai(data, nodes)
        case "azureml":
            return AzureMLCluster(AzureMLSettings(**said(nodes)))
        case "ray":
            raise Misconfigured(
                "a Ray cluster is made and sized elsewhere, by KubeRay, `ray up` or `ray start`"
            )
        case "queue":
            raise Misconfigured(
                "with IMPASTO_CLUSTER=queue there is no cluster: workers are replicas that"
                " something else keeps, such as KEDA or Compose"
            )


def view(data: Path) -> View | Replicas:
    settings = accounts.settings(data)
    match ClusterSettings().cluster:
        case "batchai":
            remote = batchai(data)
            return View(
                cluster=there(remote.state()),
                jobs=[with_painted(remote, job) for job in remote.jobs()],
            )
        case "azureml":
            azureml = AzureMLSettings()
            state = AzureMLCluster(azureml).state()
            return View(cluster=there(state), jobs=RemoteJobs(azureml).tagged(fleet(azureml)))
        case "ray":
            ray, ours = RayJobs(RaySettings()), fleet(settings or RaySettings())
            return View(cluster=ray.state(ours), jobs=ray.jobs(ours))
        case "queue":
            if settings is None:
                raise Misconfigured(f"no stack was ever up in {data}; start one with `impasto up`")
            chunks = Storage(settings).queue("chunks").count()
            return Replicas(replicas=ClusterSettings().nodes, chunks=chunks)


def batchai(data: Path, nodes: int | None = None) -> BatchAICluster:
    """As the environment says; else the Batch AI of the stack whose folder this is."""
    given = BatchAISettings(**said(nodes))
    if {"batchai_url", "subscription"} & given.model_fields_set:
        return BatchAICluster(given)
    access = Access.read(data / "batchai")
    if access is None or not access.answers():
        raise Misconfigured(f"no stack is up in {data}; start one with `impasto up`")
    os.environ.update(access.environment())  # where `DefaultAzureCredential` looks
    return BatchAICluster(BatchAISettings(**said(nodes)))


def with_painted(remote: BatchAICluster, job: JobState) -> JobState:
    """A job that is deleted meanwhile has painted nothing that could still be told."""
    shards = remote.painted(job.name) if job.started else []
    return job.model_copy(update={"painted": by_video(shards)})


def said(nodes: int | None) -> dict[str, Any]:
    return {} if nodes is None else {"nodes": nodes}


def there(state: ClusterState | None) -> ClusterState:
    if state is None:
        raise Missing("there is no such cluster; `impasto cluster create` makes it")
    return state
