"""How a painter was taught: every setting, what it practised on, and how it went."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.scorer.training.trainable_styles import Learning

FILE = "recipe.json"


class TrainingSettings(BaseModel):
    model_config = ConfigDict(frozen=True)

    learning: Learning = Field(Learning.COARSE, description="which stage learns: coarse or fine")
    steps: int = Field(2000, gt=0, description="how many batches it paints")
    batch: int = Field(2, gt=0, description="how many pieces a batch has, each in its own style")
    size: int = Field(272, ge=64, multiple_of=8, description="of a piece, in pixels")
    rim: int = Field(8, gt=0, description="of a piece, what is painted and not compared")
    lines: int = Field(360, ge=64, description="shorter side of photos and paintings")
    patch_weight: float = Field(4.0, description="of the distance of patches to the painting's")
    gram_weight: float = Field(2.0, description="of the Gram distance, over the painting's own")
    colour_weight: float = Field(2.0, description="of the distance of colours")
    content_weight: float = Field(0.6, description="of content, in the photo's variance")
    variation_weight: float = Field(0.1, description="of what neighbouring pixels differ by")
    repeat_weight: float = Field(4.0, description="of what repeats at the network's strides")
    steady_weight: float = Field(20.0, description="of the flicker between two frames")
    rate: float = Field(1.5, gt=0, description="of learning, in the usual rates")
    last_rate: float = Field(0.05, ge=0, description="the rate at the end, in parts of the first")
    seed: int = Field(7, description="of every random choice")

    def pace(self, step: int) -> float:
        """The rate of a step, in parts of the first."""
        return 1 - step / self.steps * (1 - self.last_rate)


class Progress(BaseModel):
    """Means since the one before."""

    step: int
    patches: float
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
    progress: list[Progress] = []


class Recipe(BaseModel):
    #: What the first stage started from.
    start: str = "random weights"
    stages: list[Stage] = []

    @classmethod
    def of(cls, folder: Path) -> Self:
        path = folder / FILE
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(self.model_dump_json(indent=1) + "\n")
