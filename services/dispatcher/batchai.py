"""A Batch AI cluster that grows and shrinks by itself: each worker is a job of one node.

A job isn't a fixed set of frames: it is a worker that pulls chunks from a queue until there are no
more. So a node that fails costs one shard and not its whole share, no node is idle while there is
work, and nothing has to be divided before the video is split. Which frames a job has painted is in
its output directory PAINTED, a line of JSON for each shard; `impasto cluster show` sums them up.
"""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from services.dispatcher.autoscaling import Autoscaling
from services.dispatcher.cluster import WorkerState
from services.dispatcher.environment import for_workers
from services.dispatcher.roster import Roster
from services.dispatcher.settings import DispatcherSettings
from shared.batchai.cluster import RemoteCluster
from shared.batchai.painted import OUTPUT_ID

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters


class BatchAICluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._settings = settings
        self._remote = RemoteCluster(settings)
        self._job = worker_job(settings, self._remote.cluster_id)
        self._roster = Roster(
            "worker", self._create, self._remote.delete_job, settings.keep_ended_workers
        )
        self._cluster = Autoscaling(self._remote, settings.nodes)

    @property
    def nodes(self) -> int:
        return self._cluster.nodes

    def workers(self) -> list[WorkerState]:
        self._cluster.look()
        return self._roster.of(self._remote.jobs())

    def trouble(self) -> str | None:
        return self._cluster.trouble

    def last_words(self, worker: str) -> str:
        return self._remote.last_words(worker)

    def start(self, workers: int) -> None:
        self._roster.start(workers)

    def dismiss(self, worker: str) -> None:
        self._remote.delete_job(worker)

    def close(self) -> None:
        """Workers go on: they leave by themselves when there is nothing to do."""
        self._remote.close()

    def _create(self, name: str) -> bool:
        return self._remote.create_job(name, self._job)


def worker_job(settings: DispatcherSettings, cluster_id: str) -> "JobCreateParameters":
    from azure.mgmt.batchai import models

    told = for_workers(settings, os.environ)
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
            models.EnvironmentVariable(name=name, value=value) for name, value in told.plain.items()
        ],
        secrets=[
            models.EnvironmentVariableWithSecretValue(name=name, value=value)
            for name, value in told.secret.items()
        ],
        constraints=models.JobBasePropertiesConstraints(
            max_wall_clock_time=timedelta(hours=settings.worker_hours)
        ),
    )
