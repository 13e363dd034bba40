"""The scorer's settings."""

from pydantic import Field

from shared.settings import Settings


class ScorerSettings(Settings):
    lessons_per_folder: int = Field(
        2,
        ge=1,
        le=100,
        description="How many models of one top folder may be learnt at the same time.",
    )
    idle_exit_seconds: float | None = Field(
        30, description="How long a worker waits for work before it exits; empty: for ever."
    )
