"""A Batch AI cluster that grows and shrinks by itself: each worker is a job of one node.

Who is at work is never remembered here, but read from the service. Jobs are numbered on from the
highest there is: two dispatchers that start the same worker at the same time collide in its name,
and there is one.
"""

import itertools
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.dispatcher.environment import for_workers
from services.dispatcher.settings import DispatcherSettings
from shared.batchai.cluster import RemoteCluster
from shared.batchai.states import ClusterState, JobState
from shared.errors import ClusterError
from shared.logs import logger

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters

log = logger()
#: A worker that fails within so many seconds never got to work.
AT_ONCE = 10.0
#: How many such failures on end are taken for chance.
PATIENCE = 3
LONGEST_REST = 60.0
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class BatchAICluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._settings = settings
        self._remote = RemoteCluster(settings)
        self._ready = False
        self._last_number = 0
        self._rest_until = self._rest_said = LONG_AGO
        self._nodes_said = 0
        self._troubles_said: set[str] = set()
        #: None until there was a first look: what ended before that is not news.
        self._endings_said: set[str] | None = None
        self.nodes = settings.nodes

    def alive(self) -> int:
        self._look_at_cluster()
        jobs = sorted(filter(number, self._remote.jobs()), key=number)
        self._last_number = number(jobs[-1]) if jobs else 0
        ended = [job for job in jobs if job.over]
        self._say_endings(ended)
        self._rest_until = rest_until(ended)
        for job in ended[: -self._settings.keep_ended_workers]:
            self._remote.delete_job(job.name)
        return len(jobs) - len(ended)

    def start(self, workers: int) -> None:
        if datetime.now(UTC) < self._rest_until:
            if self._rest_said != self._rest_until:
                self._rest_said = self._rest_until
                log.warning("workers fail at once; the next waits", until=str(self._rest_until))
            return
        parameters = worker_job(self._settings, self._remote.cluster_id)
        for _ in range(workers):
            self._last_number += 1
            name = f"worker-{self._last_number:04}"
            if self._remote.create_job(name, parameters):
                log.info("worker asked for", worker=name)

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
        self._say_state(state)

    def _say_state(self, state: ClusterState) -> None:
        if state.nodes != self._nodes_said:
            log.info("cluster resized", before=self._nodes_said, nodes=state.nodes)
            self._nodes_said = state.nodes
        for trouble in set(state.errors) - self._troubles_said:
            log.warning("the cluster has trouble", why=trouble)
        self._troubles_said = set(state.errors)

    def _say_endings(self, ended: list[JobState]) -> None:
        known = {job.name for job in ended} if self._endings_said is None else self._endings_said
        for job in ended:
            if job.name in known:
                continue
            if job.state == "succeeded":
                log.info("worker left", worker=job.name)
            else:
                log.warning("worker failed", worker=job.name, why=job.why, code=job.exit_code)
        self._endings_said = {job.name for job in ended}


def number(job: JobState) -> int:
    """0 for a job that is no worker of ours."""
    found = re.fullmatch(r"worker-(\d+)", job.name)
    return int(found[1]) if found else 0


def rest_until(ended: list[JobState]) -> datetime:
    """Workers that fail at once, one after the other, are started ever more rarely."""
    failed = list(itertools.takewhile(failed_at_once, reversed(ended)))
    if len(failed) < PATIENCE or not failed[0].ended:
        return LONG_AGO
    rest = min(LONGEST_REST, 2.0 ** min(len(failed) - PATIENCE + 1, 20))
    return failed[0].ended + timedelta(seconds=rest)


def failed_at_once(job: JobState) -> bool:
    if job.state != "failed" or not job.started or not job.ended:
        return False
    return (job.ended - job.started).total_seconds() < AT_ONCE


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
