"""Optical flow: how far each place has moved between two frames, and where that can be relied on.

Lucas–Kanade: in a window around each place, the shift that explains the difference best; from
coarse to fine, so that movements larger than the window are found.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: The flow is computed at no more lines than this; movements between frames are smooth.
LINES = 270
#: The side of the smallest pictures that are compared, and of the window, in pixels.
COARSEST, WINDOW = 16, 9
#: Improvements at each size, and the largest one, in pixels.
ROUNDS, LARGEST = 4, 1.5
#: A window with less contrast than this isn't moved.
CONTRAST = 1e-4
#: The difference of colours, from 0 to 1, at which a place is relied on by 60 %.
TOLERANCE = 0.05


class Motion(NamedTuple):
    #: Where each pixel of the second frame was in the first, in the units of grid_sample.
    grid: Tensor  # [1, H, W, 2]
    #: From 0, where the second frame shows something else there, to 1.
    trust: Tensor  # [1, 1, H, W]

    def __call__(self, picture: Tensor) -> Tensor:
        """The picture, moved as the first frame has to be to become the second one."""
        return moved(picture, self.grid)


def motion(first: Tensor, second: Tensor) -> Motion:
    """The motion from one frame [1, 3, H, W] in 0…1 to another."""
    height, width = first.shape[2:]
    scale = min(1.0, LINES / min(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    sizes = [size]
    while min(sizes[-1]) >= 2 * COARSEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    flow = torch.zeros(1, 2, *sizes[-1], device=first.device)  # as a share of the picture
    for each in reversed(sizes):
        flow = resized(flow, each)
        before, after = (resized(frame.mean(1, keepdim=True), each) for frame in (first, second))
        for _ in range(ROUNDS):
            flow = smooth(flow + improvement(moved(before, grid_of(flow)), after))
    grid = grid_of(resized(flow, (height, width)))
    difference = smooth((moved(first, grid) - second).abs().mean(1, keepdim=True))
    inside = (grid.abs() <= 1).all(3)[:, None]
    return Motion(grid, torch.exp(-0.5 * (difference / TOLERANCE).square()) * inside)


def improvement(before: Tensor, after: Tensor) -> Tensor:
    """The shift of `before` that brings it nearer to `after`, as a share of the picture."""
    wide = F.pad(before, (1, 1, 1, 1), mode="replicate")
    across = (wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]) / 2
    down = (wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]) / 2
    change = after - before
    products = torch.cat(
        [across * across, down * down, across * down, across * change, down * change], 1
    )
    xx, yy, xy, xt, yt = smooth(products).unbind(1)
    xx, yy = xx + CONTRAST, yy + CONTRAST
    shift = torch.stack([yy * xt - xy * yt, xx * yt - xy * xt], 1) / (xx * yy - xy * xy)[:, None]
    height, width = before.shape[2:]
    sides = torch.tensor([width, height], device=before.device)[None, :, None, None]
    return shift.clamp(-LARGEST, LARGEST) / sides


def smooth(maps: Tensor) -> Tensor:
    """The mean of each window."""
    rim = WINDOW // 2
    return F.avg_pool2d(F.pad(maps, (rim,) * 4, mode="replicate"), WINDOW, 1)


def grid_of(flow: Tensor) -> Tensor:
    unmoved = F.affine_grid(
        torch.eye(2, 3, device=flow.device)[None], [1, 1, *flow.shape[2:]], align_corners=False
    )
    return unmoved + 2 * flow.permute(0, 2, 3, 1)


def moved(picture: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if maps.shape[2:] == size:
        return maps
    smaller = size[0] < maps.shape[2]
    return F.interpolate(maps, size, mode="bilinear", antialias=smaller)
