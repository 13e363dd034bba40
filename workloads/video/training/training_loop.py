"""The training loop: paints batches of photos and minimises the losses."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from workloads.video.scoring.cpu_threads import cpu_threads
from workloads.video.scoring.device import autocast_on_cpu
from workloads.video.training import pictures
from workloads.video.training.content_weights import ContentWeights
from workloads.video.training.flicker import Move, flicker, next_frame
from workloads.video.training.losses import Losses, PaintingFeatures, compare, photo_features
from workloads.video.training.recipe import TrainingSettings
from workloads.video.training.trainable_styles import TrainableStyles
from workloads.video.training.vgg import Vgg

Gradients = Sequence[Tensor]

#: Steps in which the learning rate rises to its full value.
WARM_UP = 20


class StepLosses(NamedTuple):
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
        self._content = ContentWeights(len(paintings), settings.content_weight, settings.tint_goal)
        self._optimiser = styles.optimiser()
        groups = self._optimiser.param_groups
        self._rates = [group["lr"] * settings.rate for group in groups]
        self._learning: list[nn.Parameter] = [p for group in groups for p in group["params"]]

    def run(self, photos: list[Tensor], done: int = 0) -> Iterator[tuple[int, list[float]]]:
        """Train, and yield the number of each finished step with its losses."""
        settings = self._settings
        chance = random.Random(settings.seed + done)
        batches = pictures.crops(photos, settings.size, settings.batch, settings.seed + done)
        for step in range(done, settings.steps):
            factor = settings.rate_at(step) * min(1, (step - done + 1) / WARM_UP)
            for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor
            numbers = range(len(self._paintings))
            which = chance.choices(numbers, k=settings.batch)
            if settings.batch <= len(numbers):
                which = chance.sample(numbers, settings.batch)
            losses = self._step(next(batches), which, step % 2)
            self._styles.average(step - done)
            yield step + 1, losses

    @property
    def content_weights(self) -> list[float]:
        return self._content.values

    def state(self) -> dict[str, Any]:
        return {"optimiser": self._optimiser.state_dict(), "content": self._content.values}

    def restore(self, state: dict[str, Any]) -> None:
        self._optimiser.load_state_dict(state["optimiser"])
        self._content.values = state["content"]

    def _step(self, frames: list[Tensor], which: list[int], size: int) -> list[float]:
        """Compute each frame's gradients in a thread of its own, and apply their mean."""
        done = list(cpu_threads(1).pool.map(self._gradients, frames, which, [size] * len(which)))
        gradients = (of_frame for _, of_frame in done)
        for weight, *parts in zip(self._learning, *gradients, strict=True):
            # Fused Adam reads a gradient as if it had its weight's memory format.
            weight.grad = torch.empty_like(weight).copy_(torch.stack(parts).mean(0))
        nn.utils.clip_grad_norm_(self._learning, 1.0)
        self._optimiser.step()
        losses = [values for values, _ in done]
        for number, values in zip(which, losses, strict=True):
            self._content.update(number, values[Losses._fields.index("tint")])
        return torch.tensor(losses).mean(0).tolist()

    def _gradients(self, frame: Tensor, number: int, size: int) -> tuple[list[float], Gradients]:
        step = self._losses(frame, number, size)
        total = self._total(step, self._content.values[number])
        gradients = torch.autograd.grad(total, self._learning)
        return [value.item() for value in (*step.losses, step.flicker)], gradients

    def _losses(self, frame: Tensor, number: int, size: int) -> StepLosses:
        """The losses at the picture's size (0), or at half of it (1) and with the flicker."""
        with_flicker = size == 1 and self._settings.steady_weight > 0
        move = Move(frame)
        frames = torch.cat([frame, next_frame(frame, move)]) if with_flicker else frame
        style = self._styles.styles[number : number + 1].expand(len(frames), -1)
        with autocast_on_cpu():
            painted = self._styles.paint(frames, style)
        first, rim = painted[:1], self._settings.rim
        inside = (..., slice(rim, -rim), slice(rim, -rim))
        painting = self._paintings[number]
        photo = photo_features(self._vgg, frame[inside], painting, size)
        losses = compare(self._vgg, first[inside], photo, painting, size)
        change = flicker(first, painted[1:], move) if with_flicker else torch.zeros(())
        return StepLosses(losses, change)

    def _total(self, step: StepLosses, content_weight: float) -> Tensor:
        total = step.losses.total(self._settings, content_weight)
        return total + self._settings.steady_weight * step.flicker
