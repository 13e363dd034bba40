"""Improves a painted picture pixel by pixel, by the losses that the network is trained with."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from shared.telemetry.progress import progress
from workloads.video.scoring.levels import levels_of, picture_of
from workloads.video.training.losses import (
    PaintingFeatures,
    PhotoFeatures,
    compare,
    painting_features,
    photo_features,
)
from workloads.video.training.pictures import at_lines
from workloads.video.training.recipe import TrainingSettings
from workloads.video.training.shipped_pictures import photos_to_tint, practice_photos
from workloads.video.training.vgg import Vgg

#: A picture is optimised at several sizes at once, each half of the one before: the smallest, and
#: what each other one has besides the next smaller. So a step changes large strokes as easily as
#: small ones. These are the learning rates, the full size's first: it is low, because pixels that
#: change one by one are noise.
RATES = (0.002, 0.005, 0.01, 0.015, 0.015)
#: The rates of the last step, as a share of these.
LAST_RATE = 0.2
#: As in training, but with less content: free pixels meet it more easily than the network does. And
#: with smoother pixels, which the network's are by themselves.
FINE_LOSSES = TrainingSettings(content_weight=3, variation_weight=1)
#: Of so many steps one compares the picture at its size, the others at half of it: that costs a
#: quarter, and shows the large strokes.
FULL_SIZE_EVERY = 4
#: How much the difference from the painted frame before counts.
STEADY_WEIGHT = 40.0
#: Random choices are the same for every frame, because they would make frames differ.
SEED = 7


class Share(NamedTuple):
    """A painting [1, 3, H, W], and its share of the style."""

    painting: Tensor
    share: float


class Before(NamedTuple):
    """The painted frame before, moved to where things are now, and how far to trust each place."""

    painted: Tensor  # [1, 3, H, W]
    trust: Tensor  # [1, 1, H, W]


class Target(NamedTuple):
    """What a picture has to be near to, and how much a painting counts."""

    painting: PaintingFeatures
    #: At its size, and at half of it.
    photo: list[PhotoFeatures]
    share: float


class PixelOptimiser:
    def __init__(self, vgg: Vgg, style: Sequence[Share], settings: TrainingSettings) -> None:
        self.vgg, self._style, self._settings = vgg, style, settings
        #: Of each painting, at so many lines.
        self.features = lru_cache(1)(self._features_at)

    def improve(self, photo: Tensor, start: Tensor, steps: int, before: Before | None) -> Tensor:
        """The picture after so many steps; pictures are [1, 3, H, W] in 0…1."""
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            targets = self._targets(photo)
            levels = [level.requires_grad_() for level in levels_of(start, len(RATES) - 1)]
            groups = [{"params": [level], "lr": 0.0} for level in levels]
            adam = torch.optim.Adam(groups, betas=(0.9, 0.99))
            for step in range(steps):
                progress.step()
                for group, rate in zip(adam.param_groups, RATES, strict=True):
                    group["lr"] = rate * (1 - (1 - LAST_RATE) * step / steps)
                size = 0 if (step + 1) % FULL_SIZE_EVERY == 0 else 1
                loss = self._loss(picture_of(levels), targets, size, before)
                for level, change in zip(levels, torch.autograd.grad(loss, levels), strict=True):
                    level.grad = change
                adam.step()
            return picture_of(levels).detach().clamp(0, 1)

    def _targets(self, photo: Tensor) -> list[Target]:
        return [
            Target(
                painting,
                [photo_features(self.vgg, photo, painting, size) for size in (0, 1)],
                share,
            )
            for painting, (_, share) in zip(
                self.features(min(photo.shape[2:])), self._style, strict=True
            )
        ]

    def _loss(
        self, picture: Tensor, targets: list[Target], size: int, before: Before | None
    ) -> Tensor:
        settings = self._settings
        loss = (picture - picture.clamp(0, 1)).square().sum()
        for painting, photo, share in targets:
            losses = compare(self.vgg, picture, photo[size], painting, size)
            loss = loss + share * losses.total(settings, settings.content_weight)
        if before:
            change = (picture - before.painted).square() * before.trust
            loss = loss + STEADY_WEIGHT * change.mean()
        return loss

    def _features_at(self, lines: int) -> list[PaintingFeatures]:
        """At so many lines, strokes are as large in the picture as they are in the painting."""
        device = next(self.vgg.parameters()).device
        crops = photos_to_tint(practice_photos(self._settings.lines), self._settings)
        photos = [crop.to(device) for crop in crops]
        return [
            painting_features(self.vgg, at_lines(painting, lines).to(device), photos)
            for painting, _ in self._style
        ]
