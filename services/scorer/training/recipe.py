"""How a painter was taught: every setting, what it practised on, and how it went."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

FILE = "recipe.json"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    steps: int = Field(4000, gt=0, description="how many batches it paints")
    batch: int = Field(3, gt=0, description="how many pieces a batch has")
    size: int = Field(288, ge=64, description="of a piece, in pixels")
    painting_size: int = Field(512, ge=64, description="shorter side of a painting, at most")
    style_weight: float = Field(3.0, description="of the Gram distance, in those of a plain photo")
    patch_weight: float = Field(
        4.0, description="of each patch's, from its counterpart in the painting"
    )
    steady_weight: float = Field(50.0, description="of the flicker between two frames")
    smooth_weight: float = Field(40.0, description="of what is restless where the photo is calm")
    ripening: int = Field(300, ge=0, description="steps over which style comes to its full weight")
    rate: float = Field(1.0, gt=0, description="of learning, in the usual rates")
    last_rate: float = Field(0.0, ge=0, description="the rate at the end, in parts of the first")
    seed: int = Field(7, description="of every random choice")

    def pace(self, step: int) -> float:
        """The rate of a step, in parts of the first."""
        return 1 - step / self.steps * (1 - self.last_rate)

    def ripeness(self, step: int) -> float:
        """A painter that is pressed for style before it can see paints wallpaper."""
        return min(1.0, (step + 1) / max(1, self.ripening))


class Progress(BaseModel):
    """Means since the one before."""

    step: int
    content: float
    style: float
    patches: float = 0
    flicker: float
    smooth: float = 0


class Stage(BaseModel):
    settings: Settings
    paintings: list[str]
    photos: int
    frames: int
    kept_out: list[str]
    torch: str
    seconds: float = 0
    progress: list[Progress] = []


class Recipe(BaseModel):
    stages: list[Stage] = []

    @classmethod
    def of(cls, folder: Path) -> Self:
        path = folder / FILE
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(self.model_dump_json(indent=1) + "\n")
