"""Settings of the local Batch AI."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.settings import Settings

YEAR_SECONDS = 366 * 24 * 3600


class ServerSettings(Settings):
    batchai_host: str = Field(
        "127.0.0.1", description="The address that the local Batch AI listens on."
    )
    batchai_port: int = Field(
        0, ge=0, le=65535, description="Its port. 0 selects the last one used, or any free one."
    )
    batchai_folder: Path = Field(
        Path(".impasto/batchai"),
        description="Where its database, secrets and jobs' files are.",
    )
    batchai_secret: SecretStr | None = Field(
        None, description="The secret that clients exchange for a token. Unset: generated once."
    )
    allocation_seconds: float = Field(
        0, ge=0, le=86_400, description="How long it takes to allocate a node; minutes in Azure."
    )
    node_idle_seconds: float = Field(
        10,
        ge=0,
        le=YEAR_SECONDS,
        description="How long a node may idle before an autoscaling cluster releases it.",
    )
    worker_grace_seconds: float = Field(
        5, ge=0, le=86_400, description="How long after SIGTERM a job's command is killed."
    )
    echo_jobs: bool = Field(
        False, description="Print jobs' output on its own output, for a container's log."
    )
    node_quota: int = Field(
        10_000,
        ge=0,
        le=100_000,
        description="How many nodes all clusters may have together, like a quota of Azure.",
    )
    known_images: list[str] | None = Field(
        None, description="Images that nodes can pull, as a JSON list; others fail. Unset: all."
    )
