from pathlib import Path

from pydantic import Field, SecretStr

from shared.settings import Settings

LONGEST = 366 * 24 * 3600


class ServerSettings(Settings):
    batchai_host: str = Field(
        "127.0.0.1", description="The address that the local Batch AI listens on."
    )
    batchai_port: int = Field(
        0, ge=0, le=65535, description="Its port; 0 takes that of last time, or any that is free."
    )
    batchai_folder: Path = Field(
        Path(".impasto/batchai"), description="Where it keeps its records, tokens and jobs' files."
    )
    batchai_secret: SecretStr | None = Field(
        None, description="What a client shows to be given a token; unset: made, and kept there."
    )
    allocation_seconds: float = Field(
        0, ge=0, le=86_400, description="How long it takes a node to come; in Azure it was minutes."
    )
    node_idle_seconds: float = Field(
        10,
        ge=0,
        le=LONGEST,
        description="How long a node may idle before an autoscaling cluster lets it go.",
    )
    worker_grace_seconds: float = Field(
        5,
        ge=0,
        le=86_400,
        description="How long a job's command may go on after SIGTERM before it is killed.",
    )
    echo_jobs: bool = Field(
        False, description="Repeat what jobs print on its own output, for a container's log."
    )
    node_quota: int = Field(
        10_000,
        ge=0,
        le=100_000,
        description="How many nodes all clusters may have, as a subscription's quota.",
    )
    known_images: list[str] | None = Field(
        None, description="Images (as JSON) that nodes can get; a job of another fails. Unset: all."
    )
