"""An Azure Machine Learning cluster that grows and shrinks by itself: each worker is a job."""

import os
import time
from datetime import timedelta

from services.dispatcher.autoscaling import Autoscaling
from services.dispatcher.cluster import WorkerState
from services.dispatcher.environment import IDENTITY, for_workers
from services.dispatcher.roster import Roster
from services.dispatcher.settings import DispatcherSettings
from shared.azureml.cluster import RemoteCluster
from shared.azureml.jobs import RemoteJobs, Wanted
from shared.clusters import fleet, require
from shared.errors import Misconfigured


class AzureMLCluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._worker = worker_job(settings)
        self._remote = RemoteCluster(settings)
        self._jobs = RemoteJobs(settings)
        self._cluster = Autoscaling(self._remote, settings.nodes)
        self._fleet = fleet(settings)
        self._roster = Roster(
            self._fleet, self._create, self._jobs.archive, settings.keep_ended_workers
        )
        self._look_seconds = settings.azureml_look_seconds
        self._next_look = 0.0
        self._workers: list[WorkerState] = []
        self._archived_known = False

    @property
    def nodes(self) -> int:
        return self._cluster.nodes

    def workers(self) -> list[WorkerState]:
        """As they were a moment ago: Azure counts the requests that it gets."""
        if time.monotonic() >= self._next_look:
            self._cluster.look()
            if not self._archived_known:
                self._roster.skip(self._jobs.archived(self._fleet))
                self._archived_known = True
            self._workers = self._roster.of(self._jobs.tagged(self._fleet))
            self._next_look = time.monotonic() + self._look_seconds
        return self._workers

    def trouble(self) -> str | None:
        return self._cluster.trouble

    def last_words(self, worker: str) -> str:
        """They are in the workspace's storage; its studio shows them."""
        return ""

    def start(self, workers: int) -> None:
        self._next_look = 0
        self._roster.start(workers)

    def dismiss(self, worker: str) -> None:
        self._next_look = 0
        self._jobs.cancel(worker)

    def close(self) -> None:
        """Workers go on: they leave by themselves when there is nothing to do."""
        self._remote.close()

    def _create(self, name: str) -> bool:
        made = self._jobs.create(name, self._fleet, self._worker, self._remote.client_id)
        self._archived_known = self._archived_known and made  # or it may have been archived lately
        return made


def worker_job(settings: DispatcherSettings) -> Wanted:
    """Whoever may read the workspace may read its jobs' environments: no secret is put there."""
    require(settings, "worker_image")
    told = for_workers(settings, os.environ)
    without_url = [
        f"IMPASTO_{account.upper()}_URL"
        for account in ("media", "work")
        if not getattr(settings, f"{account}_url")
    ]
    if without_url:
        raise Misconfigured(
            "workers on Azure Machine Learning log in to storage with a managed identity, since"
            " whoever may read the workspace could read a connection string there:"
            f" set {' and '.join(without_url)}"
        )
    return Wanted(
        image=settings.worker_image or "",
        line=settings.worker_command,
        environment={name: told.plain[name] for name in told.plain if may_be_known(name)},
        limit=timedelta(hours=settings.worker_hours),
    )


def may_be_known(variable: str) -> bool:
    """Of Azure's own only in which cloud it is: who a worker is, its node's identity says."""
    return not variable.startswith(IDENTITY) or variable == "AZURE_AUTHORITY_HOST"
