"""The flicker loss: simulates the next frame of a video and compares how both are painted."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: How much a scene moves from one frame to the next: in pixels, degrees, a share of its size, and
#: pixels; and the noise that each frame has, in the range of values.
SHIFT = 8.0
ROTATION = 1.0
ZOOM = 0.015
RIPPLE = 1.5
NOISE = 0.02


class Move:
    """A random small shift, rotation, zoom and ripple for each picture of a batch."""

    def __init__(self, like: Tensor) -> None:  # [B, 3, H, W]
        batch, _, height, width = like.shape
        angle = torch.randn(batch) * math.radians(ROTATION)
        zoom = torch.exp(torch.randn(batch) * ZOOM)
        shift = (torch.rand(batch, 2) * 2 - 1) * SHIFT * 2 / torch.tensor([width, height])
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        rows = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1)
        grid = F.affine_grid(rows.view(batch, 2, 3), list(like.shape), align_corners=False)
        ripple = torch.randn(batch, 2, 6, 6) * RIPPLE * 2 / torch.tensor([[[width]], [[height]]])
        smooth = F.interpolate(ripple, (height, width), mode="bicubic", align_corners=True)
        self._grid = grid + smooth.permute(0, 2, 3, 1)
        #: The mask of pixels that are inside the first picture.
        self.seen = (self._grid.abs() <= 1).all(dim=3)[:, None].float()  # [B, 1, H, W]

    def __call__(self, images: Tensor) -> Tensor:
        return F.grid_sample(images, self._grid, padding_mode="reflection", align_corners=False)


def next_frame(frames: Tensor, move: Move) -> Tensor:
    return move(frames) + torch.randn_like(frames) * NOISE


def flicker(painted: Tensor, painted_next: Tensor, move: Move) -> Tensor:
    """The mean squared difference of the next painted frame from the first, moved alike."""
    return ((painted_next - move(painted)).square() * move.seen).mean()
