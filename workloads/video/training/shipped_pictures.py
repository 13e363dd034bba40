"""The pictures in the package: the paintings of the shipped styles, and photos for lessons."""

from pathlib import Path

from torch import Tensor

from workloads.video.training import pictures
from workloads.video.training.recipe import TrainingSettings

#: The paintings of the shipped styles.
PAINTINGS = Path(__file__).parent / "paintings"
#: The pictures to train on: paintings show as many kinds of things as photos do.
PRACTICE = [*PAINTINGS.glob("*.jpg"), *PAINTINGS.with_name("practice").glob("*.jpg")]
#: The side, in pixels, of the crops that stand for photos in the painting's colours.
COMPARED = 192


def practice_photos(lines: int) -> list[Tensor]:
    return [pictures.at_lines(pictures.read(path), lines) for path in sorted(PRACTICE)]


def photos_to_tint(photos: list[Tensor], settings: TrainingSettings) -> list[Tensor]:
    """One crop for each photo, always the same ones."""
    return next(pictures.crops(photos, COMPARED, len(photos), settings.seed))
