"""The losses: how far a painted picture is from the painting, and from the photo."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.levels import half
from workloads.video.training.patches import (
    movers_distance,
    places,
    some,
    some_squares,
    tint_distance,
)
from workloads.video.training.recipe import TrainingSettings
from workloads.video.training.repeats import repeats
from workloads.video.training.tinted import tinted
from workloads.video.training.vgg import (
    CONTENT_LAYER,
    GRAM_LAYERS,
    LAST,
    PATCH_LAYERS,
    Features,
    Vgg,
    without_rim,
)

#: Pictures are compared at their size and at half of it. Features within so many pixels of the
#: edge are left out, because VGG16's padding changes them.
RIMS = (16, 8)
#: How many patches of a picture are compared, and with how many of the painting.
PICTURE_PATCHES, PAINTING_PATCHES = 1024, 2048
#: The same for squares of patches; with as many of the tinted photo, and of other tinted photos.
PICTURE_SQUARES, PAINTING_SQUARES, TINTED_SQUARES = 384, 1024, 512
#: How many squares of tinted photos are kept for each painting.
KEPT_SQUARES = 2048
#: How colours are compared: so many pixels, directions in RGB and quantiles.
PIXELS, DIRECTIONS, QUANTILES = 4096, 16, 256
#: Smaller variances of colours, as of a drawing's hues, aren't enlarged further.
LEAST_VARIANCE = 1e-3
#: How foreign colours are found: so many pixels are compared with as many of the painting.
PALETTE = 2048


class PaintingFeatures(NamedTuple):
    """What pictures are compared with. Lists have an item for each size."""

    maps: list[dict[int, Tensor]]  # [1, channels, height, width]
    grams: list[dict[int, Tensor]]  # [channels, channels]
    #: Squares of patches of photos that have the painting's colours.
    tints: list[dict[int, Tensor]]
    colours: Tensor  # [pixels, 3]
    #: After this, they vary equally in all directions of RGB.
    whitening: Tensor  # [3, 3]


class PhotoFeatures(NamedTuple):
    """What pictures of a photo are compared with, at one size."""

    content: Tensor  # [1, channels, height, width]
    #: The features of the photo in the painting's colours.
    plain: dict[int, Tensor]


class Losses(NamedTuple):
    patches: Tensor
    tint: Tensor
    gram: Tensor
    colour: Tensor
    content: Tensor
    variation: Tensor
    repeats: Tensor

    def total(self, settings: TrainingSettings, content_weight: float) -> Tensor:
        """The weighted sum. The weight of content is another for each style."""
        return (
            settings.patch_weight * self.patches
            + settings.tint_weight * self.tint
            + settings.gram_weight * self.gram
            + settings.colour_weight * self.colour
            + content_weight * self.content
            + settings.variation_weight * self.variation
            + settings.repeat_weight * self.repeats
        )


@torch.no_grad()
def painting_features(vgg: Vgg, painting: Tensor, photos: list[Tensor]) -> PaintingFeatures:
    """The features of a painting, and of photos in its colours."""
    colours = places(painting)
    pictures = [tinted(photo, colours) for photo in photos]
    count = -(-KEPT_SQUARES // len(photos))
    maps, grams, tints = [], [], []
    for size in range(len(RIMS)):
        seen = features(vgg, painting, size)
        maps.append({layer: seen[layer] for layer in PATCH_LAYERS})
        grams.append({layer: gram(places(seen[layer])) for layer in GRAM_LAYERS})
        every = [features(vgg, picture, size, max(PATCH_LAYERS)) for picture in pictures]
        tints.append(
            {
                layer: torch.cat([some_squares(found[layer], count) for found in every])
                for layer in PATCH_LAYERS
            }
        )
    return PaintingFeatures(maps, grams, tints, colours, whitening(colours))


@torch.no_grad()
def photo_features(vgg: Vgg, photo: Tensor, painting: PaintingFeatures, size: int) -> PhotoFeatures:
    """The features of a photo [1, 3, H, W] at its size (0) or at half of it (1)."""
    content = features(vgg, photo, size, CONTENT_LAYER)[CONTENT_LAYER]
    plain = features(vgg, tinted(photo, painting.colours), size, max(PATCH_LAYERS))
    return PhotoFeatures(content, {layer: plain[layer] for layer in PATCH_LAYERS})


def compare(
    vgg: Vgg, painted: Tensor, photo: PhotoFeatures, painting: PaintingFeatures, size: int
) -> Losses:
    """Compare a painted picture [1, 3, H, W] at its size (0) or at half of it (1)."""
    seen = features(vgg, painted, size)
    patches, tint = [], []
    for layer in PATCH_LAYERS:
        mine, theirs = seen[layer], painting.maps[size][layer]
        patches.append(
            movers_distance(
                some(places(mine), PICTURE_PATCHES), some(places(theirs), PAINTING_PATCHES)
            )
        )
        others = some(painting.tints[size][layer], TINTED_SQUARES)
        tint.append(
            tint_distance(
                some_squares(mine, PICTURE_SQUARES),
                some_squares(theirs, PAINTING_SQUARES),
                torch.cat([some_squares(photo.plain[layer], TINTED_SQUARES), others]),
            )
        )
    grams = [
        gram_distance(gram(places(seen[layer])), painting.grams[size][layer])
        for layer in GRAM_LAYERS
    ]
    pixels, colours = (rows @ painting.whitening for rows in (places(painted), painting.colours))
    steps = [painted.diff(dim=side).abs().mean() for side in (2, 3)]
    return Losses(
        torch.stack(patches).mean(),
        torch.stack(tint).mean(),
        torch.stack(grams).mean(),
        colour_distance(pixels, colours) + foreign_colours(pixels, colours),
        content_distance(seen[CONTENT_LAYER], photo.content),
        torch.stack(steps).sum(),
        repeats(painted),
    )


def features(vgg: Vgg, picture: Tensor, size: int, last: int = LAST) -> Features:
    """A picture's features at its size (0) or at half of it (1), without the rim."""
    seen = vgg(half(picture) if size else picture, last)
    return {layer: without_rim(found, layer, RIMS[size]) for layer, found in seen.items()}


def content_distance(mine: Tensor, theirs: Tensor) -> Tensor:
    """1 - the mean cosine of each place's features, after the mean of `theirs` is subtracted."""
    mine, theirs = mine.float(), theirs.float()
    mean = theirs.mean((2, 3), keepdim=True)
    return 1 - F.cosine_similarity(mine - mean, theirs - mean).mean()


def gram(rows: Tensor) -> Tensor:
    return (rows.T @ rows).float() / len(rows)


def gram_distance(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().sum() / wanted.square().sum()


def whitening(colours: Tensor) -> Tensor:
    """The matrix that enlarges directions in which these colours vary little.

    Colours mostly differ in lightness, so that hues would hardly count without it.
    """
    variances, directions = torch.linalg.eigh(colours.T.cov())
    scales = (variances.max() / (variances + LEAST_VARIANCE)).sqrt()
    found: Tensor = directions * scales @ directions.T
    return found


def colour_distance(mine: Tensor, theirs: Tensor) -> Tensor:
    """The sliced Wasserstein distance of pixels' colours."""
    directions = F.normalize(torch.randn(3, DIRECTIONS), dim=0).to(mine)
    shares = torch.linspace(0, 1, QUANTILES).to(mine)
    ours, wanted = (
        torch.quantile(some(rows, PIXELS) @ directions, shares, dim=0) for rows in (mine, theirs)
    )
    return (ours - wanted).abs().mean()


def foreign_colours(mine: Tensor, theirs: Tensor) -> Tensor:
    """The mean distance of pixels' colours from the nearest of theirs."""
    return torch.cdist(some(mine, PALETTE), some(theirs, PALETTE)).min(1).values.mean()
