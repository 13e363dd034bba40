from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class DispatcherSettings(Settings):
    nodes: int = Field(1, ge=1, le=10_000, description="How many workers the cluster may have.")
    workers_folder: Path = Field(
        Path(".impasto/workers"), description="Where local workers' slots and logs are kept."
    )
