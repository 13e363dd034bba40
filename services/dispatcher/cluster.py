"""Where workers run, as the dispatcher sees it."""

from typing import Protocol


class Cluster(Protocol):
    """Its methods raise `ClusterError` when the service behind it refuses, or doesn't answer."""

    @property
    def nodes(self) -> int:
        """How many workers there may be."""

    def alive(self) -> int:
        """How many there are, those still starting included."""

    def start(self, workers: int) -> None:
        """Have so many more. A worker leaves by itself when there is nothing to do."""

    def close(self) -> None:
        """The dispatcher is leaving."""
