"""A Batch AI cluster that grows and shrinks by itself: each worker is a job of one node.

Who is at work is never remembered here, but read from the service. Jobs are numbered on from the
highest there is: two dispatchers that start the same worker at the same time collide in its name,
and there is one.
"""

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from services.dispatcher.cluster import WorkerState
from services.dispatcher.environment import for_workers
from services.dispatcher.settings import DispatcherSettings
from shared.batchai.cluster import RemoteCluster
from shared.batchai.states import ClusterState, JobState
from shared.errors import ClusterError
from shared.logs import logger

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters

log = logger()


class BatchAICluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._settings = settings
        self._remote = RemoteCluster(settings)
        self._ready = False
        self._last_number = 0
        self._nodes_said = 0
        self._trouble: str | None = None
        self.nodes = settings.nodes

    def workers(self) -> list[WorkerState]:
        self._look_at_cluster()
        jobs = sorted(filter(number, self._remote.jobs()), key=number)
        self._last_number = number(jobs[-1]) if jobs else 0
        ended = [job for job in jobs if job.over]
        for job in ended[: -self._settings.keep_ended_workers]:
            self._remote.delete_job(job.name)
        return [
            WorkerState(
                name=job.name,
                asked=job.created,
                started=job.started,
                ended=job.ended,
                failed=job.state == "failed",
                why=job.why,
            )
            for job in jobs
        ]

    def trouble(self) -> str | None:
        return self._trouble

    def last_words(self, worker: str) -> str:
        return self._remote.last_words(worker)

    def start(self, workers: int) -> None:
        parameters = worker_job(self._settings, self._remote.cluster_id)
        for _ in range(workers):
            self._last_number += 1
            name = f"worker-{self._last_number:04}"
            if self._remote.create_job(name, parameters):
                log.info("worker asked for", worker=name)

    def dismiss(self, worker: str) -> None:
        self._remote.delete_job(worker)

    def close(self) -> None:
        """Workers go on: they leave by themselves when there is nothing to do."""
        self._remote.close()

    def _look_at_cluster(self) -> None:
        state = self._remote.state() if self._ready else None
        if state is None:
            self._remote.ensure()
            self._ready = True
            state = self._remote.state()
        if state is None:
            raise ClusterError("the cluster was made, and is gone again")
        self.nodes = max(1, state.maximum)
        usable = state.idle + state.running + state.preparing
        self._trouble = None if usable else "; ".join(state.errors) or None
        self._say_size(state)

    def _say_size(self, state: ClusterState) -> None:
        if state.nodes != self._nodes_said:
            log.info("cluster resized", before=self._nodes_said, nodes=state.nodes)
            self._nodes_said = state.nodes


def number(job: JobState) -> int:
    """0 for a job that is no worker of ours."""
    found = re.fullmatch(r"worker-(\d+)", job.name)
    return int(found[1]) if found else 0


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
