"""A cluster that its service makes and resizes: what the dispatcher wants to know of it."""

from typing import Protocol

from shared.clusters import ClusterState
from shared.errors import ClusterError
from shared.logs import logger

log = logger()


class Service(Protocol):
    def ensure(self) -> None: ...

    def state(self) -> ClusterState | None: ...


class Autoscaling:
    def __init__(self, service: Service, nodes: int) -> None:
        self._service = service
        self._ready = False
        self._nodes_said = 0
        #: How many it may have.
        self.nodes = nodes
        #: Why it has none that is of use, in its service's words.
        self.trouble: str | None = None

    def look(self) -> None:
        """See how it is; it is made if it isn't there, or isn't any more."""
        state = self._service.state() if self._ready else None
        if state is None:
            self._service.ensure()
            self._ready = True
            state = self._service.state()
        if state is None:
            raise ClusterError("the cluster was made, and is gone again")
        self.nodes = max(1, state.maximum)
        usable = state.idle + state.running + state.preparing
        self.trouble = None if usable else "; ".join(state.errors) or None
        if state.nodes != self._nodes_said:
            log.info("cluster resized", before=self._nodes_said, nodes=state.nodes)
            self._nodes_said = state.nodes
