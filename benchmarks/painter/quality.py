"""The quality of painted pictures at 720 lines, of photos that weren't trained on."""

import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.painter.measures import (
    PictureFeatures,
    brush,
    colour,
    content,
    gram_distance,
)
from benchmarks.report import Goal, Table
from workloads.video.scoring.network import PainterNetwork
from workloads.video.settings import WEIGHTS
from workloads.video.training import pictures
from workloads.video.training.patches import places
from workloads.video.training.recipe import Recipe
from workloads.video.training.shipped_pictures import PAINTINGS
from workloads.video.training.tinted import tinted
from workloads.video.training.trainable_styles import styles_in
from workloads.video.training.vgg import Vgg

LINES = 720
#: One in so many of the photos that weren't trained on is painted.
EVERY = 4


class Quality(NamedTuple):
    brush: float
    #: The brush measure of one half of the painting, compared with the other half.
    own: float
    content: float
    colour: float
    gram: float


class Evaluator:
    @torch.inference_mode()
    def __init__(self, vgg: Path, photos: Path) -> None:
        self._vgg = Vgg(vgg)
        names = Recipe.of(WEIGHTS).stages[-1].kept_out[::EVERY]
        self.photos = [
            PictureFeatures(self._vgg, pictures.at_lines(pictures.read(photos / name), LINES))
            for name in names
        ]

    @torch.inference_mode()
    def of(self, network: PainterNetwork, style: Tensor, painting: Path) -> Quality:
        """The means over the photos."""
        whole = pictures.at_lines(pictures.read(painting), LINES)
        middle = whole.shape[3] // 2
        art, left, right = (
            PictureFeatures(self._vgg, part)
            for part in (whole, whole[..., :middle], whole[..., middle:])
        )
        colours = places(whole)
        rivals = [
            PictureFeatures(self._vgg, tinted(p.picture, colours)).patches for p in self.photos
        ]
        halves = (left.patches, right.patches)
        own = [brush(one, other, rivals) for one, other in (halves, halves[::-1])]
        found = []
        for n, photo in enumerate(self.photos):
            made = PictureFeatures(self._vgg, painted(network, photo.picture, style))
            found.append(
                (
                    brush(made.patches, art.patches, rivals),
                    content(made, photo, self.photos[n - 1]),
                    colour(made, photo, art),
                    gram_distance(made, photo, art),
                )
            )
        share, *others = (statistics.fmean(column) for column in zip(*found, strict=True))
        return Quality(share, statistics.fmean(own), *others)

    def each(self, folder: Path, network: PainterNetwork) -> dict[str, Quality]:
        """The quality of every style in a folder of weights."""
        return {
            name: self.of(network, vector[None], PAINTINGS / f"{name}.jpg")
            for name, vector in styles_in(folder).items()
        }


def painted(network: PainterNetwork, photo: Tensor, style: Tensor) -> Tensor:
    """The painted photo, rounded to 8 bits."""
    weights = next(network.parameters())
    made = network(photo.to(weights), style.to(weights)).float()
    eight_bits: Tensor = (made * 255).round() / 255
    return eight_bits


def mean(found: dict[str, Quality]) -> Quality:
    return Quality(*(statistics.fmean(column) for column in zip(*found.values(), strict=True)))


def goals(found: dict[str, Quality]) -> list[Goal]:
    shares = {name: each.brush / each.own for name, each in found.items()}
    share, worst = statistics.fmean(shares.values()), min(shares, key=lambda name: shares[name])
    means = mean(found)
    return [
        Goal(
            "brush over the painting's own, mean of the styles; the worst style",
            "≥ 0.85; ≥ 0.70",
            f"{share:.2f}; {shares[worst]:.2f} ({worst})",
            share >= 0.85 and shares[worst] >= 0.70,
        ),
        Goal("content, mean", "≥ 0.25", f"{means.content:.2f}", means.content >= 0.25),
        Goal("colour's distance, mean", "≤ 0.35", f"{means.colour:.2f}", means.colour <= 0.35),
        Goal("Gram distance, mean", "≤ 0.40", f"{means.gram:.2f}", means.gram <= 0.40),
    ]


def table(found: dict[str, Quality]) -> Table:
    columns = ("style", "brush", "the painting's own", "content", "colour", "Gram distance")
    rows = [(name, *(f"{value:.2f}" for value in each)) for name, each in found.items()]
    return Table(columns, rows)
