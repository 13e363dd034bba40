"""Workers as jobs of a Ray cluster. Each reserves CPUs or GPUs on one of its nodes."""

import os

from shared.clusters.environment import for_workers
from shared.clusters.events import ClusterResized
from shared.clusters.numbered_jobs import NumberedJobs
from shared.clusters.ray.jobs import RayJobs, RaySettings
from shared.clusters.settings import fleet
from shared.clusters.state import WorkerState


class RayPool:
    def __init__(self, settings: RaySettings) -> None:
        self._settings = settings
        self._ray = RayJobs(settings)
        self._fleet = fleet(settings)
        environment = for_workers(settings, os.environ)
        self._environment = environment.plain | environment.secret
        self._jobs = NumberedJobs(
            self._fleet, self._create, self._ray.delete_job, settings.keep_ended_workers
        )
        #: Ray lists a cancelled job as pending until its turn comes.
        self._cancelled: set[str] = set()
        self._logged_room: int | None = None
        self.nodes = settings.nodes

    def refresh(self) -> list[WorkerState]:
        nodes = self._ray.nodes()
        self.nodes = self._ray.most_workers(nodes)
        self._log_room(sum(node.room for node in nodes))
        found = self._jobs.update(self._ray.jobs(self._fleet))
        return [worker for worker in found if worker.started or worker.name not in self._cancelled]

    def why_no_node(self) -> str | None:
        if self._logged_room:
            return None
        cpus, gpus = self._settings.ray_cpus, self._settings.ray_gpus
        return f"no node of the Ray cluster has room for a worker: CPUs {cpus:g}, GPUs {gpus:g}"

    def end_of_log(self, worker: str) -> str:
        return self._ray.end_of_log(worker)

    def start(self, workers: int) -> None:
        self._jobs.start(workers)

    def cancel(self, worker: str) -> None:
        self._cancelled.add(worker)
        self._ray.stop_job(worker)

    def delete_old_jobs(self) -> None:
        self._jobs.delete_old()

    def close(self) -> None:
        """Nothing is open."""

    def _create(self, name: str) -> bool:
        return self._ray.create_job(name, self._settings.worker_command, self._environment)

    def _log_room(self, room: int) -> None:
        if room != self._logged_room:
            ClusterResized(before=self._logged_room or 0, nodes=room).log()
            self._logged_room = room
