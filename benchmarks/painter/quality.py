"""How well the painter paints: like the painting, and still what was in the photo.

Measured with VGG16 on photos that were kept out of training, which `recipe.json` names: the Gram
distance to the painting over that of the plain photo, and the content's squared error over the
photo's variance.
"""

import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.report import Goal
from services.scorer.network import Painter
from services.scorer.settings import WEIGHTS
from services.scorer.training import pictures
from services.scorer.training.eye import CONTENT_LAYER, Eye
from services.scorer.training.learner import PAINTINGS
from services.scorer.training.manner import far, manner_of
from services.scorer.training.recipe import Recipe
from services.scorer.training.studio import styles_in

PHOTO_SIZE = 512
PAINTING_SIZE = 512


class Quality(NamedTuple):
    #: Added up over the photos first, so that a flat one doesn't count for much …
    gram: float
    #: … and the mean of each photo's own ratio, so that one photo can't count for most of it.
    gram_each: float
    #: Added up first.
    content: float


def painted(network: Painter, photo: Tensor, style: Tensor) -> Tensor:
    """As 8 bits would hold it."""
    weights = next(network.parameters())
    with torch.inference_mode():
        made = network(photo.to(weights), style.to(weights))
    eight_bits: Tensor = (made * 255).round() / 255
    return eight_bits


def quality(
    eye: Eye, network: Painter, style: Tensor, painting: Tensor, photos: list[Tensor]
) -> Quality:
    found = []
    with torch.inference_mode():
        manner = manner_of(eye(pictures.shrunk(painting, PAINTING_SIZE)))
        for photo in photos:
            plain, made = eye(photo), eye(painted(network, photo, style))
            wanted = plain[CONTENT_LAYER].float()
            error = (made[CONTENT_LAYER].float() - wanted).square().mean()
            distances = (float(far(manner_of(each), manner)) for each in (made, plain))
            found.append((*distances, float(error), float(wanted.var())))
    near, plain_far, errors, variances = (sum(column) for column in zip(*found, strict=True))
    each = statistics.fmean(close / away for close, away, _, _ in found)
    return Quality(near / plain_far, each, errors / variances)


class Judge:
    """Measures style and content on the photos that were kept out."""

    def __init__(self, vgg: Path, photos: Path) -> None:
        self.eye = Eye(vgg)
        names = Recipe.of(WEIGHTS).stages[0].kept_out
        self.photos = [pictures.shrunk(pictures.read(photos / n), PHOTO_SIZE) for n in names]

    def of(self, network: Painter, style: Tensor, painting: Path) -> Quality:
        return quality(self.eye, network, style, pictures.read(painting), self.photos)

    def each(self, folder: Path, network: Painter) -> dict[str, Quality]:
        """Of every style that is in a folder of weights."""
        return {
            name: self.of(network, vector[None], PAINTINGS / f"{name}.jpg")
            for name, vector in styles_in(folder).items()
        }


def mean(found: dict[str, Quality]) -> Quality:
    return Quality(*(statistics.fmean(column) for column in zip(*found.values(), strict=True)))


def goal(found: dict[str, Quality]) -> Goal:
    gram, gram_each, content = mean(found)
    return Goal(
        "Gram distance over the plain photo's, and content's error; mean of the styles",
        "≤ 0.22 at ≤ 1.0",
        f"{gram:.2f} at {content:.2f} with the photos added up first; "
        f"{gram_each:.2f} as the mean of each photo's",
        gram <= 0.22 and content <= 1.0,
    )
