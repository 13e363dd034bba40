"""What each kind of cluster provides to the dispatcher, the console and the local stack."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from shared.clusters.settings import WorkerSettings
from shared.clusters.state import ClusterView, ReplicasView, WorkerState
from shared.settings import Settings

S = TypeVar("S", bound=WorkerSettings)


class WorkerPool(Protocol):
    """The workers, for the dispatcher.

    Methods raise `ClusterError` if the cluster's service refuses or doesn't answer. All state is
    read from that service, so nothing is lost when the dispatcher is restarted.
    """

    @property
    def nodes(self) -> int:
        """The most workers that may run."""

    def refresh(self) -> list[WorkerState]:
        """Create the cluster if it doesn't exist, and list its workers, oldest first.

        Workers that are still starting are among them, and the last ones that have ended.
        """

    def why_no_node(self) -> str | None:
        """The service's own reason, if the cluster has no usable node and says why."""

    def end_of_log(self, worker: str) -> str:
        """The last lines that a worker logged; empty if they can't be had."""

    def start(self, workers: int) -> None:
        """Start this many more. A worker leaves by itself when there is nothing to do."""

    def cancel(self, worker: str) -> None:
        """Cancel a worker that hasn't started yet."""

    def delete_old_jobs(self) -> None:
        """Delete the oldest ended workers' jobs, beyond IMPASTO_KEEP_ENDED_WORKERS."""

    def close(self) -> None:
        """Close connections. Workers stay: they leave by themselves."""


class ManagedCluster(Protocol):
    """A cluster that a person can create, resize and delete."""

    def ensure(self) -> None: ...

    def scale(self, minimum: int, maximum: int) -> None: ...

    def delete(self) -> None: ...


class LocalWorkers(Protocol):
    """What a stack on this machine runs for its workers, beside its services."""

    @property
    def services(self) -> tuple[str, ...]:
        """More processes to start; `scorer-2` is a second scorer."""

    @property
    def log_source(self) -> str:
        """The service that logs what happens to workers."""

    def wait(self, running: Callable[[], bool]) -> None:
        """Wait until workers can be started, or until the processes are no longer `running`."""

    def environment(self, service: str) -> dict[str, str]:
        """Variables for this service only."""

    def close(self) -> None:
        """End what the stack's end wouldn't: its storage is about to be stopped."""


class Backend(Protocol[S]):
    """One kind of cluster."""

    @property
    def settings(self) -> type[S]: ...

    def pool(self, settings: S) -> WorkerPool:
        """For the dispatcher."""

    def managed(self, folder: Path, nodes: int | None) -> ManagedCluster:
        """For `impasto cluster`; Misconfigured where the cluster isn't ours to manage.

        `folder` is that of the local stack, and `nodes` replaces IMPASTO_NODES.
        """

    def view(self, folder: Path, storage: Settings | None) -> ClusterView | ReplicasView:
        """For `impasto cluster show`."""

    def local(self, folder: Path, storage: Settings, nodes: int | None) -> LocalWorkers:
        """For `impasto up`; Misconfigured where workers can't reach this machine."""
