"""An example of a scorer, without weights or torch: it turns pictures into pencil drawings.

A picture divided by its own blur has only edges left.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workloads.video.scoring.picture_scorer import Picture, PictureScorer

GREY = np.array([0.299, 0.587, 0.114], np.float32)
PAPER = np.array([252, 249, 242], np.float32)
#: The width of a stroke, as a share of the picture's shorter side.
STROKE = 1 / 60
#: Higher values make darker strokes.
PRESSURE = 2.5


class Pencil(PictureScorer):
    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        return [draw(value) for value in values]


def draw(picture: Picture) -> Picture:
    light = picture.astype(np.float32) @ GREY + 1
    around = light
    for _ in range(2):  # two box blurs approximate a Gaussian
        around = blurred(around, max(1, round(min(light.shape) * STROKE)))
    shade = np.minimum(light / around, 1) ** PRESSURE
    return np.rint(shade[:, :, None] * PAPER).astype(np.uint8)


def blurred(plane: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """A box blur; the edge pixels are repeated beyond the edges."""
    for axis in (0, 1):
        wide = [(0, 0), (0, 0)]
        wide[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(plane, wide, mode="edge"), axis=axis, dtype=np.float64)
        width = 2 * radius + 1
        upper, lower = [slice(None), slice(None)], [slice(None), slice(None)]
        upper[axis], lower[axis] = slice(width, None), slice(None, -width)
        plane = ((sums[tuple(upper)] - sums[tuple(lower)]) / width).astype(np.float32)
    return plane
