"""Painting for practice: perceptual losses (Johnson et al. 2016), and no flicker."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from services.scorer.training import pictures
from services.scorer.training.eye import STYLE_LAYERS, Eye, Features, distance, gram
from services.scorer.training.recipe import Progress, Settings
from services.scorer.training.steady import Move, flicker, next_frame
from services.scorer.training.studio import Studio

WARM_UP = 50
REPORT = 50


class Wanted(NamedTuple):
    """A painting's manner, and how far plain photos are from it: what style is measured in."""

    manner: Features
    plain: float


def wanted(eye: Eye, painting: Tensor, photos: list[Tensor]) -> Wanted:
    manner = eye.manner(painting)
    with torch.no_grad():
        seen = [eye(photo) for photo in photos]
    far = [sum(distance(gram(s[i]), manner[i]) for i in STYLE_LAYERS) for s in seen]
    return Wanted(manner, float(sum(far)) / len(far))


class Lesson:
    def __init__(self, studio: Studio, eye: Eye, wishes: list[Wanted], settings: Settings) -> None:
        self._studio, self._eye, self._settings = studio, eye, settings
        self._plain = torch.tensor([wish.plain for wish in wishes])
        self._manners = {i: torch.cat([w.manner[i] for w in wishes]) for i in STYLE_LAYERS}

    def practise(self, photos: list[Tensor], said: Callable[[Progress], None]) -> None:
        settings = self._settings
        optimisers = self._studio.optimisers()
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        rates = [group["lr"] * settings.rate for group in groups]
        batches = pictures.crops(photos, settings.size, settings.batch, settings.seed)
        learning = [p for group in groups for p in group["params"]]
        sums = torch.zeros(3)
        for step in range(settings.steps):
            gone = step / settings.steps
            pace = min(1, (step + 1) / WARM_UP) * (1 - gone * (1 - settings.last_rate))
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * pace
            first = step * settings.batch
            which = [(first + n) % len(self._plain) for n in range(settings.batch)]
            content, style, unsteady, smooth = self._look(next(batches), which)
            ripe = min(1.0, (step + 1) / max(1, settings.ripening))
            taste = settings.style_weight * style + settings.smooth_weight * smooth
            loss = content + ripe * (taste + settings.steady_weight * unsteady)
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learning, 1.0)
            for optimiser in optimisers:
                optimiser.step()
            sums += torch.stack([content, style, unsteady]).detach()
            if (step + 1) % REPORT == 0:
                means = [round(value, 5) for value in (sums / REPORT).tolist()]
                sums.zero_()
                said(Progress(step=step + 1, content=means[0], style=means[1], flicker=means[2]))

    def _look(self, frames: Tensor, which: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        steadily = self._settings.steady_weight > 0
        move = Move(frames)
        shown = torch.cat([frames, next_frame(frames, move)]) if steadily else frames
        styles = self._studio.styles[which * (2 if steadily else 1)]
        with torch.autocast("cpu", torch.bfloat16):
            everything = self._studio.painter(shown, styles)
        painted = everything[: len(frames)]
        manners = {layer: grams[which] for layer, grams in self._manners.items()}
        content, far = self._eye.judge(painted, frames, manners)
        style = (far / self._plain[which]).mean()
        unsteady = (
            flicker(painted, everything[len(frames) :], move) if steadily else torch.zeros(())
        )
        smooth = painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()
        return content, style, unsteady, smooth
