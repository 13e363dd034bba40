"""Workers as jobs of an autoscaling Azure Machine Learning cluster."""

import os
import time
from datetime import timedelta

from shared.clusters.autoscaling import Autoscaling
from shared.clusters.azureml.cluster import AzureMLCluster
from shared.clusters.azureml.connection import AzureMLSettings
from shared.clusters.azureml.jobs import AzureMLJobs, WorkerJob
from shared.clusters.environment import IDENTITY, for_workers
from shared.clusters.numbered_jobs import NumberedJobs
from shared.clusters.settings import fleet, require
from shared.clusters.state import WorkerState
from shared.errors import Misconfigured


class AzureMLPool:
    def __init__(self, settings: AzureMLSettings) -> None:
        self._worker = worker_job(settings)
        self._compute = AzureMLCluster(settings)
        self._azure_jobs = AzureMLJobs(settings)
        self._cluster = Autoscaling(self._compute, settings.nodes)
        self._fleet = fleet(settings)
        self._jobs = NumberedJobs(
            self._fleet, self._create, self._azure_jobs.archive, settings.keep_ended_workers
        )
        self._look_seconds = settings.azureml_look_seconds
        self._next_look = 0.0
        self._workers: list[WorkerState] = []
        self._archived_known = False

    @property
    def nodes(self) -> int:
        return self._cluster.nodes

    def refresh(self) -> list[WorkerState]:
        """Azure limits requests, so workers are listed only every few seconds."""
        if time.monotonic() >= self._next_look:
            self._cluster.refresh()
            if not self._archived_known:
                self._jobs.reserve(self._azure_jobs.archived(self._fleet))
                self._archived_known = True
            self._workers = self._jobs.update(self._azure_jobs.tagged(self._fleet))
            self._next_look = time.monotonic() + self._look_seconds
        return self._workers

    def why_no_node(self) -> str | None:
        return self._cluster.why_no_node

    def end_of_log(self, worker: str) -> str:
        """Empty: logs are in the workspace's storage, and its studio shows them."""
        return ""

    def start(self, workers: int) -> None:
        self._next_look = 0
        self._jobs.start(workers)

    def cancel(self, worker: str) -> None:
        self._next_look = 0
        self._azure_jobs.cancel(worker)

    def delete_old_jobs(self) -> None:
        self._jobs.delete_old()

    def close(self) -> None:
        self._compute.close()

    def _create(self, name: str) -> bool:
        created = self._azure_jobs.create(name, self._fleet, self._worker, self._compute.client_id)
        if not created:
            self._archived_known = False  # the job may have been archived since they were listed
        return created


def worker_job(settings: AzureMLSettings) -> WorkerJob:
    """Readers of the workspace can read its jobs' environments, so those contain no secret."""
    require(settings, "worker_image")
    environment = for_workers(settings, os.environ).plain
    without_url = [
        f"IMPASTO_{account.upper()}_URL"
        for account in ("media", "work")
        if not getattr(settings, f"{account}_url")
    ]
    if without_url:
        raise Misconfigured(
            "workers on Azure Machine Learning log in to storage with a managed identity, because"
            " readers of the workspace could read a connection string there:"
            f" set {' and '.join(without_url)}"
        )
    return WorkerJob(
        image=settings.worker_image or "",
        command=settings.worker_command,
        environment={
            name: value for name, value in environment.items() if not is_dispatchers_identity(name)
        },
        limit=timedelta(hours=settings.worker_hours),
    )


def is_dispatchers_identity(variable: str) -> bool:
    """Workers have their node's identity; of Azure's variables they get only the cloud's."""
    return variable.startswith(IDENTITY) and variable != "AZURE_AUTHORITY_HOST"
