"""The record of a training: every setting, the data and the progress, stage by stage."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

FILE = "recipe.json"


class TrainingSettings(BaseModel):
    model_config = ConfigDict(frozen=True)

    steps: int = Field(2000, gt=0, description="number of batches")
    batch: int = Field(2, gt=0, description="crops in a batch, each in a style of its own")
    size: int = Field(384, ge=64, multiple_of=8, description="side of a crop, in pixels")
    rim: int = Field(32, gt=0, description="pixels at a crop's edges that aren't compared")
    lines: int = Field(720, ge=64, description="shorter side of photos and paintings, in pixels")
    patch_weight: float = Field(4.0, description="weight of the distance of patches")
    tint_weight: float = Field(0.9, description="weight of squares that are only tinted")
    gram_weight: float = Field(3.0, description="weight of the Gram matrices' distance")
    colour_weight: float = Field(3.0, description="weight of the distance of colours")
    content_weight: float = Field(6.0, description="first weight of the distance of content")
    tint_goal: float = Field(0.65, description="a style below it gets more weight on content")
    variation_weight: float = Field(0.1, description="weight of neighbouring pixels' differences")
    repeat_weight: float = Field(4.0, description="weight of patterns that repeat at a stride")
    steady_weight: float = Field(20.0, description="weight of the flicker between two frames")
    rate: float = Field(1.0, gt=0, description="learning rate, as a multiple of the usual one")
    last_rate: float = Field(0.05, ge=0, description="learning rate at the end, over the first")
    seed: int = Field(7, description="seed of all random choices")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, as a share of the first."""
        return 1 - step / self.steps * (1 - self.last_rate)


class Progress(BaseModel):
    """Mean losses since the previous report."""

    step: int
    patches: float
    tint: float = 0
    gram: float
    colour: float
    content: float
    variation: float
    repeats: float = 0
    flicker: float


class Stage(BaseModel):
    settings: TrainingSettings
    paintings: list[str]
    photos: int
    frames: int
    kept_out: list[str]
    torch: str
    seconds: float = 0
    #: The last weight of the distance of content, for each painting.
    content_weights: list[float] = []
    progress: list[Progress] = []


class Recipe(BaseModel):
    #: The weights that the first stage started from.
    start: str = "random weights"
    stages: list[Stage] = []

    @classmethod
    def of(cls, folder: Path) -> Self:
        path = folder / FILE
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(self.model_dump_json(indent=1) + "\n")
