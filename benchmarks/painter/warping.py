"""The warping error, a measure of how much a painted video flickers.

Optical flow (DIS) between neighbouring frames of the source tells how the painted frames should
move. Pixels whose flow isn't reliable are left out.
"""

import statistics
from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from workloads.video.scoring.picture_scorer import Picture

Field = NDArray[np.float32]  # [H, W, 2]
Mask = NDArray[np.bool_]
#: The flow of a pixel is reliable if forward and backward flow end within so many pixels of it …
NEAR = 1.0
#: … and its value changes by less than this share of the range.
ALIKE = 0.08


def warping_error(frames: list[Picture], paint: Callable[[Picture], Picture]) -> float:
    """The mean squared difference, of values in 0…1, over pixels with reliable flow."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    painted = [np.divide(paint(f), 255, dtype=np.float32) for f in frames]
    errors = []
    for (source, now), (next_source, later) in pairwise(zip(frames, painted, strict=True)):
        grey, next_grey = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (source, next_source))
        there = flow.calc(grey, next_grey, np.empty(0)).astype(np.float32)
        back = flow.calc(next_grey, grey, np.empty(0)).astype(np.float32)
        seen = followed(source, next_source, there, back)
        errors.append(float(np.square(moved(later, there) - now)[seen].mean()))
    return statistics.fmean(errors)


def moved(picture: NDArray[np.float32], field: Field) -> NDArray[np.float32]:
    """The picture, warped by the flow field."""
    height, width = field.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found = cv2.remap(picture, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR)
    return found.astype(np.float32)


def followed(source: Picture, next_source: Picture, there: Field, back: Field) -> Mask:
    returned = there + moved(back, there)  # [H, W, 2]
    near = np.linalg.norm(returned, axis=2) < NEAR
    again = moved(next_source.astype(np.float32), there)
    alike = np.abs(again - source).mean(axis=2) < ALIKE * 255
    height, width = near.shape
    y, x = np.mgrid[:height, :width]
    inside = (
        (x + there[..., 0] >= 0)
        & (x + there[..., 0] < width - 1)
        & (y + there[..., 1] >= 0)
        & (y + there[..., 1] < height - 1)
    )
    mask: Mask = near & alike & inside
    return mask
