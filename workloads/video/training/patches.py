"""Distances between the patches of a picture and those of a painting.

A patch is VGG16's features at one place of a layer, or at a square of places.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: A square has so many places in each direction.
SIDE = 3
#: The difference of cosines over which the loss of tinted squares falls from 1 to nearly 0.
SOFTNESS = 0.05


def places(features: Tensor) -> Tensor:  # [1, C, H, W] -> [H·W, C]
    return features[0].permute(1, 2, 0).flatten(0, 1)


def some(rows: Tensor, count: int) -> Tensor:
    return rows if len(rows) <= count else rows[torch.randperm(len(rows))[:count]]


def some_squares(features: Tensor, count: int) -> Tensor:
    """Squares at random positions: [1, C, H, W] -> [count, SIDE² · C]."""
    height, width = features.shape[2:]
    across = width - SIDE + 1
    first = torch.randperm((height - SIDE + 1) * across)[:count]
    corners = first // across * width + first % across
    steps = torch.arange(SIDE)
    inside = (steps[:, None] * width + steps).flatten()
    return places(features)[corners[:, None] + inside].flatten(1)


def movers_distance(mine: Tensor, theirs: Tensor) -> Tensor:
    """The relaxed earth mover's distance of features, by cosine (Kolkin et al. 2019).

    Each patch is compared with the most similar one, in both directions, after the mean of `theirs`
    is subtracted.
    """
    mine, theirs = mine.float(), theirs.float()
    mean = theirs.mean(0)
    near = F.normalize(mine - mean, dim=1) @ F.normalize(theirs - mean, dim=1).T
    return 1 - torch.minimum(near.max(1).values.mean(), near.max(0).values.mean())


def tint_distance(mine: Tensor, painting: Tensor, tints: Tensor) -> Tensor:
    """How far squares are from the painting's, compared with those of tinted photos.

    A picture can have a painting's colours, and much of its Gram matrices, without one brush
    stroke. So the nearest square of the painting has to be nearer than the nearest tinted one.
    """
    dtype = mine.dtype
    centre = torch.cat([painting, tints]).float().mean(0)
    ours, painting, tints = (
        F.normalize(rows.float() - centre, dim=1) for rows in (mine, painting, tints)
    )
    with torch.no_grad():
        compared = ours.to(dtype)
        stroke, plain = (
            rows[(compared @ rows.to(dtype).T).argmax(1)] for rows in (painting, tints)
        )
    nearer = (ours * (stroke - plain)).sum(1)
    return F.softplus(-nearer / SOFTNESS).mean()
