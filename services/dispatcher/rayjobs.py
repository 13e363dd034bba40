"""Any Ray cluster: each worker is a Ray job that reserves CPUs or GPUs on one of its nodes."""

import os

from services.dispatcher.cluster import WorkerState
from services.dispatcher.environment import for_workers
from services.dispatcher.roster import Roster
from services.dispatcher.settings import DispatcherSettings
from shared.clusters import fleet
from shared.logs import logger
from shared.rayjobs import RayJobs

log = logger()


class RayCluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._settings = settings
        self._ray = RayJobs(settings)
        self._fleet = fleet(settings)
        told = for_workers(settings, os.environ)
        self._told = told.plain | told.secret
        self._roster = Roster(
            self._fleet, self._create, self._ray.delete_job, settings.keep_ended_workers
        )
        #: Ray keeps one that waits in line, and stops it when its turn comes.
        self._dismissed: set[str] = set()
        self._room_said: int | None = None
        self.nodes = settings.nodes

    def workers(self) -> list[WorkerState]:
        nodes = self._ray.nodes()
        self.nodes = self._ray.most_workers(nodes)
        self._say_room(sum(node.room for node in nodes))
        found = self._roster.of(self._ray.jobs(self._fleet))
        return [worker for worker in found if worker.started or worker.name not in self._dismissed]

    def trouble(self) -> str | None:
        if self._room_said:
            return None
        cpus, gpus = self._settings.ray_cpus, self._settings.ray_gpus
        return f"no node of the Ray cluster has room for a worker: CPUs {cpus:g}, GPUs {gpus:g}"

    def last_words(self, worker: str) -> str:
        return self._ray.last_words(worker)

    def start(self, workers: int) -> None:
        self._roster.start(workers)

    def dismiss(self, worker: str) -> None:
        self._dismissed.add(worker)
        self._ray.stop_job(worker)

    def close(self) -> None:
        """Workers go on: they leave by themselves when there is nothing to do."""

    def _create(self, name: str) -> bool:
        return self._ray.create_job(name, self._settings.worker_command, self._told)

    def _say_room(self, room: int) -> None:
        if room != self._room_said:
            log.info("cluster resized", before=self._room_said or 0, nodes=room)
            self._room_said = room
