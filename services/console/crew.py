"""What a stack needs for its workers, besides the services that every stack has."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from shared.batchai.access import Access
from shared.clusters import ClusterSettings, fleet
from shared.errors import ClusterError, Misconfigured
from shared.logs import logger
from shared.rayjobs import RayJobs, RaySettings
from shared.settings import Settings

log = logger()
START_SECONDS = 30


class Crew(Protocol):
    @property
    def services(self) -> tuple[str, ...]:
        """Processes of the stack's own; `scorer-2` is a second scorer."""

    @property
    def teller(self) -> str:
        """The service whose log tells what becomes of workers."""

    def wait(self, going: Callable[[], bool]) -> None:
        """Until workers can be asked for; it is no use when those aren't `going` any more."""

    def environment(self, service: str) -> dict[str, str]:
        """What a service is told besides what all are told."""

    def close(self) -> None:
        """The stack's storage is about to go: nobody has work any more."""


def crew_of(data: Path, storage: Settings, nodes: int | None) -> Crew:
    settings = ClusterSettings()
    workers = nodes or settings.nodes
    match settings.cluster:
        case "batchai":
            return OwnBatchAI(data, workers)
        case "ray":
            return RayWorkers(storage)
        case "queue":
            return OwnReplicas(workers)
        case "azureml":
            raise Misconfigured(
                "IMPASTO_CLUSTER is azureml, and workers in Azure can't reach a stack on this"
                " machine; its services belong where their storage is"
            )


def share_of_cores(workers: int) -> dict[str, str]:
    """Of this machine's, unless it was said how many each is to have."""
    share = max(1, (os.cpu_count() or 1) // workers)
    return {"IMPASTO_THREADS": os.environ.get("IMPASTO_THREADS", str(share))}


class OwnBatchAI:
    """One of its own, which ends its jobs when it is told to end."""

    services: tuple[str, ...] = ("batchai",)
    teller = "batchai"

    def __init__(self, data: Path, workers: int) -> None:
        self._data = data
        self._threads = share_of_cores(workers)
        self._access: Access | None = None

    def wait(self, going: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while going() and time.monotonic() < until:
            self._access = Access.read(self._data / "batchai")
            if self._access and self._access.answers():
                return
            time.sleep(0.05)
        raise Misconfigured(f"the local Batch AI didn't start; see {self._data}/logs/batchai.log")

    def environment(self, service: str) -> dict[str, str]:
        if service == "dispatcher" and self._access:
            return self._access.environment() | self._threads
        return {}

    def close(self) -> None:
        pass


class RayWorkers:
    """Jobs of a Ray cluster that is there already, and stays when the stack has gone."""

    services: tuple[str, ...] = ()
    teller = "dispatcher"

    def __init__(self, storage: Settings) -> None:
        self._ray = RayJobs(RaySettings())
        self._fleet = fleet(storage)
        self._ray.nodes()  # says so now if it doesn't answer

    def wait(self, going: Callable[[], bool]) -> None:
        pass

    def environment(self, service: str) -> dict[str, str]:
        return {}

    def close(self) -> None:
        try:
            for job in self._ray.jobs(self._fleet):
                if not job.over:
                    self._ray.stop_job(job.name)
        except ClusterError as error:
            log.warning("workers are left to themselves", why=str(error))


class OwnReplicas:
    """Scorers as services like the others, always on."""

    teller = "dispatcher"

    def __init__(self, workers: int) -> None:
        self.services = tuple(f"scorer-{n}" for n in range(1, workers + 1))
        self._told = {"IMPASTO_IDLE_EXIT_SECONDS": ""} | share_of_cores(workers)

    def wait(self, going: Callable[[], bool]) -> None:
        pass

    def environment(self, service: str) -> dict[str, str]:
        return self._told if service in self.services else {}

    def close(self) -> None:
        pass
