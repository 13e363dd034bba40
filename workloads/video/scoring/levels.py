"""A picture as the sum of its details of several sizes (a Laplacian pyramid)."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: Pictures with a shorter side than this aren't halved.
SMALLEST = 16


def levels_of(picture: Tensor, halvings: int) -> list[Tensor]:
    """What each size has besides the next smaller one, the full size first; then the smallest."""
    levels: list[Tensor] = []
    while len(levels) < halvings and min(picture.shape[2:]) >= SMALLEST:
        small = half(picture)
        levels.append(picture - enlarged(small, picture))
        picture = small
    return [*levels, picture.clone()]


def picture_of(levels: Sequence[Tensor]) -> Tensor:
    picture = levels[-1]
    for level in reversed(levels[:-1]):
        picture = enlarged(picture, level) + level
    return picture


def half(picture: Tensor) -> Tensor:
    return F.interpolate(picture, scale_factor=0.5, mode="bilinear", antialias=True)


def enlarged(picture: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(picture, like.shape[2:], mode="bilinear")
