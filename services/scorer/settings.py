"""The scorer's settings."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings

WEIGHTS = Path(__file__).parent / "weights"


class ScorerSettings(Settings):
    network: Path = Field(
        WEIGHTS / "network.safetensors", description="The weights of the painter's network."
    )
    vgg_weights: Path | None = Field(
        None,
        description="VGG16's weights, which learning a style needs; unset, torchvision downloads"
        " them.",
    )
    painting_seconds: float = Field(
        60, gt=0, description="How long reading a painting may take before it is refused."
    )
    learning_steps: int = Field(700, ge=1, description="How many training steps a new style gets.")
    lessons_per_folder: int = Field(
        2,
        ge=1,
        le=100,
        description="How many paintings of one top folder may be learnt at the same time.",
    )
    threads: int = Field(0, ge=0, description="Cores for one worker; 0 uses all.")
    idle_exit_seconds: float | None = Field(
        30, description="How long a worker waits for work before it exits; empty: for ever."
    )
