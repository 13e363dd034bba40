"""A part of a scorer's strength: `STYLE@0.5` has half of the strokes, and half of the colours.

The mean of both pictures would be a double exposure, with everything pale. So each place takes the
photo's details or the scorer's, for details of each size by themselves: whichever are stronger
there. Of the rest, which is colours without any detail, it takes the mean.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.levels import levels_of, picture_of
from workloads.video.scoring.picture_scorer import Picture, PictureScorer
from workloads.video.training.pictures import as_picture, as_tensor

#: How many sizes of details there are; each is twice as large as the one before.
SIZES = 6
#: Details are compared in squares of so many pixels, of a picture that has their size.
AROUND = 5
#: The higher, the sharper the choice between both.
CHOICE = 1.5
#: A mean square below this counts as none; pixels are 0…1.
NONE = 1e-6
#: Where the choice has weakened details that differ, they are strengthened again, up to this.
MOST_GAIN = 1.5


class AtStrength(PictureScorer):
    """Another scorer at a strength between 0, which is the source, and 1."""

    def __init__(self, scorer: PictureScorer, strength: float) -> None:
        self._scorer, self._strength = scorer, strength
        self.device, self.batch, self.threads = scorer.device, scorer.batch, scorer.threads

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        sources = [as_tensor(value) for value in values]
        scored = self._scorer.score(values)
        return [
            as_picture(mixed(source, as_tensor(made), self._strength))
            for source, made in zip(sources, scored, strict=True)
        ]

    def report(self) -> dict[str, float | str]:
        return self._scorer.report()


@torch.inference_mode()
def mixed(photo: Tensor, made: Tensor, strength: float) -> Tensor:
    """Two pictures [1, 3, H, W] in 0…1 as one."""
    *ours, rest = levels_of(photo, SIZES)
    *theirs, their_rest = levels_of(made, SIZES)
    levels = [between(one, other, strength) for one, other in zip(ours, theirs, strict=True)]
    return picture_of([*levels, rest.lerp(their_rest, strength)]).clamp(0, 1)


def between(photo: Tensor, made: Tensor, strength: float) -> Tensor:
    """The details of one size: those that are stronger, as strong as both are on average."""
    ours, theirs = energy(photo) * (1 - strength), energy(made) * strength
    mine, wanted = (ours * (1 - strength)) ** CHOICE, (theirs * strength) ** CHOICE
    chosen = photo.lerp(made, wanted / (mine + wanted).clamp(min=NONE**CHOICE))
    gain = ((ours + theirs + NONE) / (energy(chosen) + NONE)).sqrt()
    return chosen * gain.clamp(max=MOST_GAIN)


def energy(details: Tensor) -> Tensor:
    """The mean square around each place."""
    squares = F.pad(details.square().mean(1, keepdim=True), (AROUND // 2,) * 4, mode="replicate")
    mean: Tensor = F.avg_pool2d(squares, AROUND, 1)
    return mean
