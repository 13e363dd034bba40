"""The loss of repetition: patterns that a picture repeats at the network's strides."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: The strides at which the network could repeat a pattern, in pixels of its picture.
NETWORK_STRIDES = (8, 16)
#: The side of the squares in which a repeated pattern is searched, in strides.
CELLS = 6
#: Squares with less variance than this count as empty.
EMPTY = 1e-5


def repeats(painted: Tensor) -> Tensor:
    return torch.stack([repeats_at(painted, stride) for stride in NETWORK_STRIDES]).mean()


def repeats_at(painted: Tensor, stride: int) -> Tensor:
    """The share of local variance that repeats at the stride.

    It is 1 for a pattern that repeats exactly. For noise it is 1 / CELLS², or more if the picture
    is too small for so many squares.
    """
    grey = painted.mean(1, keepdim=True)
    smooth = F.avg_pool2d(grey, stride + 1, 1, stride // 2, count_include_pad=False)
    count = min(CELLS, *(side // stride for side in painted.shape[2:]))
    across = stride * count
    windows = (grey - smooth).unfold(2, across, across // 2).unfold(3, across, across // 2)
    cells = windows.reshape(-1, count, stride, count, stride)
    same = cells.mean((1, 3)).square().mean((1, 2))
    shares: Tensor = same / (cells.square().mean((1, 2, 3, 4)) + EMPTY)
    return shares.mean()
