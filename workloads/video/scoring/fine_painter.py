"""The scorer of `STYLE!fine`: the network's picture, improved pixel by pixel, frame after frame.

A frame continues the painted frame before, moved to where things are now, wherever both frames show
the same. Nothing tells frames of one video from those of another: they don't show the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from shared.errors import Reject
from workloads.video.scoring.network import painted_size, resized
from workloads.video.scoring.optical_flow import motion
from workloads.video.scoring.painter import Painter
from workloads.video.scoring.picture_scorer import Picture, PictureScorer
from workloads.video.scoring.pixel_optimiser import Before, PixelOptimiser
from workloads.video.training.pictures import as_picture, as_tensor

#: Smaller frames are enlarged to so many lines; VGG16 sees nothing in fewer.
FEWEST_LINES = 128
#: A frame continues the one before if as much of it, on average, shows the same.
CONTINUES = 0.5


class Painted(NamedTuple):
    """Both pictures are [1, 3, H, W] in 0…1."""

    photo: Tensor
    picture: Tensor


class FinePainter(PictureScorer):
    def __init__(
        self, painter: Painter, optimiser: PixelOptimiser, steps: int, on: torch.device
    ) -> None:
        self._painter, self._optimiser, self._steps, self._on = painter, optimiser, steps, on
        self.device = painter.device
        self._last: Painted | None = None
        self._continued = 0

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        return [self._paint(value) for value in values]

    def report(self) -> dict[str, float | str]:
        """The steps of a frame, and how many frames continued another since the last report."""
        continued, self._continued = self._continued, 0
        return {"steps": self._steps, "continued": continued}

    def _paint(self, frame: Picture) -> Picture:
        size = frame.shape[:2]
        photo = resized(as_tensor(frame), *fine_size(*size))
        start = as_tensor(self._painter.paint(as_picture(photo))).to(self._on)
        photo = photo.to(self._on)
        before, steps = self._moved_here(photo), self._steps
        if before:
            start = start.lerp(before.painted, before.trust)
            steps //= 2
            self._continued += 1
        picture = self._optimiser.improve(photo, start, steps, before)
        self._last = Painted(photo, picture)
        return as_picture(resized(picture, *size))

    def _moved_here(self, photo: Tensor) -> Before | None:
        if self._last is None or self._last.photo.shape != photo.shape:
            return None
        moved = motion(self._last.photo, photo)
        if moved.trust.mean() < CONTINUES:
            return None
        return Before(moved(self._last.picture), moved.trust)


def fine_size(height: int, width: int) -> tuple[int, int]:
    """At most the 720 lines of the network's pictures. Raises Reject for a frame too narrow."""
    lines = max(FEWEST_LINES, min(height, width))
    down, across = (2 * side for side in painted_size(height, width))
    scale = min(1.0, lines / min(down, across))
    size = round(down * scale), round(across * scale)
    if min(size) < FEWEST_LINES:
        raise Reject(f"a frame of {width}×{height} is too narrow for !fine; leave it out")
    return size
