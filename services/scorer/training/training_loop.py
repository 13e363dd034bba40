"""Painting for practice: perceptual losses at two sizes, and no flicker."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from services.scorer.cpu_threads import cpu_threads
from services.scorer.training import pictures
from services.scorer.training.flicker import Move, flicker, next_frame
from services.scorer.training.losses import Losses, PaintingFeatures, compare
from services.scorer.training.recipe import TrainingSettings
from services.scorer.training.trainable_styles import TrainableStyles
from services.scorer.training.vgg import Vgg

Gradients = Sequence[Tensor | None]

WARM_UP = 20


class Look(NamedTuple):
    losses: Losses
    flicker: Tensor


class TrainingLoop:
    def __init__(
        self,
        styles: TrainableStyles,
        vgg: Vgg,
        paintings: list[PaintingFeatures],
        settings: TrainingSettings,
    ) -> None:
        self._styles, self._vgg, self._settings = styles, vgg, settings
        self._paintings = paintings
        self._optimiser = styles.optimiser()
        groups = self._optimiser.param_groups
        self._rates = [group["lr"] * settings.rate for group in groups]
        self._learning: list[nn.Parameter] = [p for group in groups for p in group["params"]]

    def run(self, photos: list[Tensor], done: int = 0) -> Iterator[tuple[int, list[float]]]:
        """The number of every step when it is done, and what was to be said of its pictures."""
        settings = self._settings
        chance = random.Random(settings.seed + done)
        batches = pictures.crops(photos, settings.size, settings.batch, settings.seed + done)
        for step in range(done, settings.steps):
            pace = settings.pace(step) * min(1, (step - done + 1) / WARM_UP)
            for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
                group["lr"] = rate * pace
            numbers = range(len(self._paintings))
            which = chance.choices(numbers, k=settings.batch)
            if settings.batch <= len(numbers):
                which = chance.sample(numbers, settings.batch)
            found = self._step(next(batches), which, step % 2)
            self._styles.average(step - done)
            yield step + 1, found

    def state(self) -> dict[str, Any]:
        return self._optimiser.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        self._optimiser.load_state_dict(state)

    def _step(self, frames: list[Tensor], which: list[int], size: int) -> list[float]:
        """Each core has a piece of its own: cores that share one wait for each other."""
        done = list(cpu_threads(1).pool.map(self._study, frames, which, [size] * len(which)))
        for n, weight in enumerate(self._learning):
            parts = [part for _, gradients in done if (part := gradients[n]) is not None]
            weight.grad = torch.stack(parts).sum(0) / len(done) if parts else None
        nn.utils.clip_grad_norm_(self._learning, 1.0)
        self._optimiser.step()
        return torch.tensor([seen for seen, _ in done]).mean(0).tolist()

    def _study(self, frame: Tensor, number: int, size: int) -> tuple[list[float], Gradients]:
        look = self._look(frame, number, size)
        gradients = torch.autograd.grad(self._total(look), self._learning, allow_unused=True)
        return [value.item() for value in (*look.losses, look.flicker)], gradients

    def _look(self, frame: Tensor, number: int, size: int) -> Look:
        """At the picture itself (0), or at half its size, and at the next frame's, too."""
        steadily = size == 1 and self._settings.steady_weight > 0
        move = Move(frame)
        shown = torch.cat([frame, next_frame(frame, move)]) if steadily else frame
        style = self._styles.styles[number : number + 1].expand(len(shown), -1)
        with torch.autocast("cpu", torch.bfloat16):
            painted = self._styles.paint(shown, style).float()
        one, rim = painted[:1], self._settings.rim
        inside = (..., slice(rim, -rim), slice(rim, -rim))
        found = compare(self._vgg, one[inside], frame[inside], self._paintings[number], size)
        return Look(found, flicker(one, painted[1:], move) if steadily else torch.zeros(()))

    def _total(self, look: Look) -> Tensor:
        settings = self._settings
        return (
            settings.patch_weight * look.losses.patches
            + settings.gram_weight * look.losses.gram
            + settings.colour_weight * look.losses.colour
            + settings.content_weight * look.losses.content
            + settings.variation_weight * look.losses.variation
            + settings.repeat_weight * look.losses.repeats
            + settings.steady_weight * look.flicker
        )
