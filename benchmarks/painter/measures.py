"""Measures of painted pictures, computed from VGG16's features.

Brush
    The share of a picture's patches whose nearest neighbour is a patch of the painting, and not a
    patch of photos that were given the painting's colours. A picture that is only tinted has 0.
Content
    The similarity of picture and photo at the same places: 0 for another photo, 1 for the photo.
Colour, Gram
    The distance to the painting's colours and Gram matrices, over that of the plain photo.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.levels import half
from workloads.video.training.losses import colour_distance, gram
from workloads.video.training.patches import places, some_squares
from workloads.video.training.vgg import CONTENT_LAYER, GRAM_LAYERS, PATCH_LAYERS, Features, Vgg

#: How many patches of a picture are compared, with how many of the painting and of the photos.
ASKED, RIVALS = 1500, 3000
#: How often colours are compared, each time in other random directions.
COMPARISONS = 4

Patches = list[Tensor]


class PictureFeatures:
    """A picture at 720 lines, and its features at that size and at half of it."""

    def __init__(self, vgg: Vgg, picture: Tensor) -> None:
        torch.manual_seed(0)
        self.picture = picture
        self.features: Features = vgg(picture)
        self.patches = [
            some_squares(features[layer].float(), RIVALS)
            for features in (self.features, vgg(half(picture)))
            for layer in PATCH_LAYERS
        ]


def brush(asked: Patches, painting: Patches, tinted: list[Patches]) -> float:
    shares = []
    for n, patches in enumerate(painting):
        many = RIVALS // len(tinted)
        rivals = torch.cat([each[n][:many] for each in tinted])
        centre = torch.cat([patches, rivals]).mean(0)
        mine, theirs, others = (
            F.normalize(each - centre, dim=1) for each in (asked[n][:ASKED], patches, rivals)
        )
        nearer = (mine @ theirs.T).max(1).values > (mine @ others.T).max(1).values
        shares.append(nearer.float().mean())
    return float(torch.stack(shares).mean())


def content(painted: PictureFeatures, photo: PictureFeatures, other: PictureFeatures) -> float:
    there = photo.features[CONTENT_LAYER].float()
    elsewhere = F.interpolate(other.features[CONTENT_LAYER].float(), there.shape[2:])
    least = alike(elsewhere, there)
    return (alike(painted.features[CONTENT_LAYER].float(), there) - least) / (1 - least)


def alike(one: Tensor, other: Tensor) -> float:
    mine, theirs = (each - each.mean((2, 3), keepdim=True) for each in (one, other))
    return float(F.cosine_similarity(mine, theirs).mean())


def colour(painted: PictureFeatures, photo: PictureFeatures, painting: PictureFeatures) -> float:
    return colours_apart(painted, painting) / colours_apart(photo, painting)


def colours_apart(one: PictureFeatures, other: PictureFeatures) -> float:
    rows = places(one.picture), places(other.picture)
    return float(torch.stack([colour_distance(*rows) for _ in range(COMPARISONS)]).mean())


def gram_distance(
    painted: PictureFeatures, photo: PictureFeatures, painting: PictureFeatures
) -> float:
    shares = []
    for layer in GRAM_LAYERS:
        made, plain, wanted = (gram(places(s.features[layer])) for s in (painted, photo, painting))
        shares.append((made - wanted).square().sum() / (plain - wanted).square().sum())
    return float(torch.stack(shares).mean())
