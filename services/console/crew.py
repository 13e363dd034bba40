"""What a stack needs for its workers, besides the services that every stack has."""

from pathlib import Path

from shared.clusters.backend import LocalWorkers as Crew
from shared.clusters.table import chosen
from shared.settings import Settings

__all__ = ["Crew", "crew_of"]


def crew_of(data: Path, storage: Settings, nodes: int | None) -> Crew:
    return chosen().local(data, storage, nodes)
