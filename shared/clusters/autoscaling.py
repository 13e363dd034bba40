"""A cluster that grows and shrinks by itself, and is created again if somebody deletes it."""

from typing import Protocol

from shared.clusters.events import ClusterResized
from shared.clusters.state import ClusterState
from shared.errors import ClusterError


class Service(Protocol):
    def ensure(self) -> None: ...

    def state(self) -> ClusterState | None: ...


class Autoscaling:
    def __init__(self, service: Service, nodes: int) -> None:
        self._service = service
        self._ready = False
        self._logged_nodes = 0
        #: The most that it may have.
        self.nodes = nodes
        #: The service's reason, if there is no usable node.
        self.why_no_node: str | None = None

    def refresh(self) -> None:
        """Read the cluster's state; create the cluster if it doesn't exist."""
        state = self._service.state() if self._ready else None
        if state is None:
            self._service.ensure()
            self._ready = True
            state = self._service.state()
        if state is None:
            raise ClusterError("the cluster was deleted while it was being created")
        self.nodes = max(1, state.maximum)
        usable = state.idle + state.running + state.preparing
        self.why_no_node = None if usable else "; ".join(state.errors) or None
        if state.nodes != self._logged_nodes:
            ClusterResized(before=self._logged_nodes, nodes=state.nodes).log()
            self._logged_nodes = state.nodes
