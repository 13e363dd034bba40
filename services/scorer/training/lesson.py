"""Painting for practice: perceptual losses (Johnson et al. 2016), and no flicker."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from services.scorer.training import pictures
from services.scorer.training.calm import restlessness
from services.scorer.training.eye import Eye
from services.scorer.training.judging import Wanted, judge
from services.scorer.training.recipe import Settings
from services.scorer.training.steady import Move, flicker, next_frame
from services.scorer.training.studio import Studio

WARM_UP = 50


class Losses(NamedTuple):
    content: Tensor
    style: Tensor
    patches: Tensor
    flicker: Tensor
    smooth: Tensor


class Lesson:
    def __init__(self, studio: Studio, eye: Eye, wishes: list[Wanted], settings: Settings) -> None:
        self._studio, self._eye, self._wishes, self._settings = studio, eye, wishes, settings

    def practise(self, photos: list[Tensor], done: int = 0) -> Iterator[tuple[int, Losses]]:
        """The number of every step when it is done, and what was to be said of its pictures."""
        settings = self._settings
        optimisers = self._studio.optimisers()
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        rates = [group["lr"] * settings.rate for group in groups]
        learning = [parameter for group in groups for parameter in group["params"]]
        batches = pictures.crops(photos, settings.size, settings.batch, settings.seed + done)
        for step in range(done, settings.steps):
            pace = settings.pace(step) * min(1, (step - done + 1) / WARM_UP)
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * pace
            first = step * settings.batch
            which = [(first + n) % len(self._wishes) for n in range(settings.batch)]
            losses = self._look(next(batches), which)
            for optimiser in optimisers:
                optimiser.zero_grad()
            self._total(losses, step).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, 1.0)
            for optimiser in optimisers:
                optimiser.step()
            self._studio.average(step - done)
            yield step + 1, losses

    def _look(self, frames: Tensor, which: list[int]) -> Losses:
        steadily = self._settings.steady_weight > 0
        move = Move(frames)
        shown = torch.cat([frames, next_frame(frames, move)]) if steadily else frames
        styles = self._studio.styles[which * (2 if steadily else 1)]
        with torch.autocast("cpu", torch.bfloat16):
            everything = self._studio.painter(shown, styles)
        painted, again = everything[: len(frames)], everything[len(frames) :]
        wishes = [self._wishes[number] for number in which]
        return Losses(
            *judge(self._eye, painted, frames, wishes),
            flicker=flicker(painted, again, move) if steadily else torch.zeros(()),
            smooth=restlessness(painted, frames),
        )

    def _total(self, losses: Losses, step: int) -> Tensor:
        settings = self._settings
        taste = (
            settings.style_weight * losses.style
            + settings.patch_weight * losses.patches
            + settings.steady_weight * losses.flicker
            + settings.smooth_weight * losses.smooth
        )
        return losses.content + settings.ripeness(step) * taste
