"""The losses: how far a painted picture is from the painting, and from the photo."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from workloads.video.training.vgg import CONTENT_LAYER, GRAM_LAYERS, PATCH_LAYERS, Vgg, without_rim

#: Pictures are compared at their size and at half of it. Features within so many pixels of the
#: edge are left out, because VGG16's padding changes them.
RIMS = (16, 8)
#: How many patches of a picture are compared, and with how many of the painting.
PICTURE_PATCHES, PAINTING_PATCHES = 1024, 2048
#: How colours are compared: so many pixels, directions in RGB and quantiles.
PIXELS, DIRECTIONS, QUANTILES = 4096, 16, 256
#: The strides at which the network could repeat a pattern, in pixels of its picture.
NETWORK_STRIDES = (8, 16)
#: The side of the squares in which a repeated pattern is searched, in strides.
CELLS = 6
#: Squares with less variance than this count as empty.
EMPTY = 1e-5


class PaintingFeatures(NamedTuple):
    """A painting's features at both sizes, and its colours at full size."""

    patches: list[dict[int, Tensor]]  # [patches, channels]
    grams: list[dict[int, Tensor]]  # [channels, channels]
    colours: Tensor  # [pixels, 3]


class Losses(NamedTuple):
    patches: Tensor
    gram: Tensor
    colour: Tensor
    content: Tensor
    variation: Tensor
    repeats: Tensor


@torch.no_grad()
def painting_features(vgg: Vgg, painting: Tensor) -> PaintingFeatures:
    patches, grams = [], []
    for size, rim in enumerate(RIMS):
        seen = vgg(half(painting) if size else painting)
        rows = {layer: places(without_rim(x, layer, rim)) for layer, x in seen.items()}
        patches.append({layer: rows[layer].clone() for layer in PATCH_LAYERS})
        grams.append({layer: gram(rows[layer]) for layer in GRAM_LAYERS})
    return PaintingFeatures(patches, grams, places(painting))


def compare(
    vgg: Vgg, painted: Tensor, photo: Tensor, painting: PaintingFeatures, size: int
) -> Losses:
    """Compare a painted picture [1, 3, H, W] at its size (0) or at half of it (1)."""
    if size:
        painted, photo = half(painted), half(photo)
    with torch.no_grad():
        content = vgg(photo, CONTENT_LAYER)[CONTENT_LAYER].float()
    seen = vgg(painted)
    error = (seen[CONTENT_LAYER].float() - content).square().mean() / content.var()
    rows = {layer: places(without_rim(x, layer, RIMS[size])) for layer, x in seen.items()}
    patches = [
        movers_distance(
            some(rows[layer], PICTURE_PATCHES),
            some(painting.patches[size][layer], PAINTING_PATCHES),
        )
        for layer in PATCH_LAYERS
    ]
    grams = [gram_distance(gram(rows[i]), painting.grams[size][i]) for i in GRAM_LAYERS]
    steps = [painted.diff(dim=side).abs().mean() for side in (2, 3)]
    return Losses(
        torch.stack(patches).mean(),
        torch.stack(grams).mean(),
        colour_distance(places(painted), painting.colours),
        error,
        torch.stack(steps).sum(),
        torch.stack([repeats(painted, stride) for stride in NETWORK_STRIDES]).mean(),
    )


def half(pictures: Tensor) -> Tensor:
    return F.interpolate(pictures, scale_factor=0.5, mode="bilinear", antialias=True)


def places(features: Tensor) -> Tensor:  # [1, C, H, W] -> [H·W, C]
    return features[0].permute(1, 2, 0).flatten(0, 1)


def some(rows: Tensor, count: int) -> Tensor:
    return rows if len(rows) <= count else rows[torch.randperm(len(rows))[:count]]


def movers_distance(mine: Tensor, theirs: Tensor) -> Tensor:
    """The relaxed earth mover's distance of features, by cosine (Kolkin et al. 2019).

    Each patch is compared with the most similar one, in both directions, after the mean of `theirs`
    is subtracted.
    """
    mine, theirs = mine.float(), theirs.float()
    mean = theirs.mean(0)
    near = F.normalize(mine - mean, dim=1) @ F.normalize(theirs - mean, dim=1).T
    return 1 - torch.minimum(near.max(1).values.mean(), near.max(0).values.mean())


def gram(rows: Tensor) -> Tensor:
    return (rows.T @ rows).float() / len(rows)


def gram_distance(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().sum() / wanted.square().sum()


def colour_distance(mine: Tensor, theirs: Tensor) -> Tensor:
    """The sliced Wasserstein distance of pixels' colours."""
    directions = F.normalize(torch.randn(3, DIRECTIONS), dim=0).to(mine)
    shares = torch.linspace(0, 1, QUANTILES).to(mine)
    ours, wanted = (
        torch.quantile(some(rows, PIXELS) @ directions, shares, dim=0) for rows in (mine, theirs)
    )
    return (ours - wanted).abs().mean()


def repeats(painted: Tensor, stride: int) -> Tensor:
    """The share of local variance that repeats at the stride.

    It is 1 for a pattern that repeats exactly. For noise it is 1 / CELLS², or more if the picture
    is too small for so many squares.
    """
    grey = painted.mean(1, keepdim=True)
    smooth = F.avg_pool2d(grey, stride + 1, 1, stride // 2, count_include_pad=False)
    count = min(CELLS, *(side // stride for side in painted.shape[2:]))
    across = stride * count
    windows = (grey - smooth).unfold(2, across, across // 2).unfold(3, across, across // 2)
    cells = windows.reshape(-1, count, stride, count, stride)
    same = cells.mean((1, 3)).square().mean((1, 2))
    shares: Tensor = same / (cells.square().mean((1, 2, 3, 4)) + EMPTY)
    return shares.mean()
