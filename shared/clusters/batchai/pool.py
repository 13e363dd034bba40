"""Workers as jobs of an autoscaling Batch AI cluster, one a node."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clusters.autoscaling import Autoscaling
from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings
from shared.clusters.batchai.scored import OUTPUT_ID
from shared.clusters.environment import for_workers
from shared.clusters.numbered_jobs import NumberedJobs
from shared.clusters.state import WorkerState

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters


class BatchAIPool:
    def __init__(self, settings: BatchAISettings) -> None:
        self._client = BatchAIClient(settings)
        self._job = worker_job(settings, self._client.cluster_id)
        self._jobs = NumberedJobs(
            "worker", self._create, self._client.delete_job, settings.keep_ended_workers
        )
        self._cluster = Autoscaling(self._client, settings.nodes)

    @property
    def nodes(self) -> int:
        return self._cluster.nodes

    def refresh(self) -> list[WorkerState]:
        self._cluster.refresh()
        return self._jobs.update(self._client.jobs())

    def why_no_node(self) -> str | None:
        return self._cluster.why_no_node

    def end_of_log(self, worker: str) -> str:
        return self._client.end_of_log(worker)

    def start(self, workers: int) -> None:
        self._jobs.start(workers)

    def cancel(self, worker: str) -> None:
        self._client.delete_job(worker)

    def delete_old_jobs(self) -> None:
        self._jobs.delete_old()

    def close(self) -> None:
        self._client.close()

    def _create(self, name: str) -> bool:
        return self._client.create_job(name, self._job)


def worker_job(settings: BatchAISettings, cluster_id: str) -> "JobCreateParameters":
    from azure.mgmt.batchai import models

    environment = for_workers(settings, os.environ)
    image = settings.worker_image
    return models.JobCreateParameters(
        cluster=models.ResourceId(id=cluster_id),
        node_count=1,
        container_settings=models.ContainerSettings(
            image_source_registry=models.ImageSourceRegistry(image=image)
        )
        if image
        else None,
        custom_toolkit_settings=models.CustomToolkitSettings(command_line=settings.worker_command),
        std_out_err_path_prefix=settings.worker_logs,
        output_directories=[models.OutputDirectory(id=OUTPUT_ID, path_prefix=settings.worker_logs)],
        environment_variables=[
            models.EnvironmentVariable(name=name, value=value)
            for name, value in environment.plain.items()
        ],
        secrets=[
            models.EnvironmentVariableWithSecretValue(name=name, value=value)
            for name, value in environment.secret.items()
        ],
        constraints=models.JobBasePropertiesConstraints(
            max_wall_clock_time=timedelta(hours=settings.worker_hours)
        ),
    )
