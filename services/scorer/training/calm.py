"""Calm places stay calm: a brush that has nothing to follow repeats itself there, like a weave."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: As much difference between neighbouring pixels as the quietest sky still has.
QUIET = 0.01
#: So wide a place is calm or isn't.
PLACE = 17


def restlessness(painted: Tensor, photos: Tensor) -> Tensor:
    """How much neighbouring pixels differ where those of the photo don't."""
    grey = photos.mean(1, keepdim=True)
    calm = torch.exp(-F.avg_pool2d(steps(grey), PLACE, stride=1, padding=PLACE // 2) / QUIET)
    return (calm * steps(painted)).mean()


def steps(pictures: Tensor) -> Tensor:
    """From each pixel to those on its right and below."""
    across = F.pad(pictures.diff(dim=3).abs(), (0, 1))
    down = F.pad(pictures.diff(dim=2).abs(), (0, 0, 0, 1))
    return across + down
