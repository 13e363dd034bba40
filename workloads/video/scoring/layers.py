"""The layers of the painter's network.

A style is a vector with a scale and a shift for every channel of every norm (Dumoulin et al. 2017).
Each frame of a batch may have a style of its own.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class StyledNorm(nn.Module):
    """Instance norm whose scale and shift are a part of the style vector."""

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.scale = slice(offset, offset + channels)
        self.shift = slice(offset + channels, offset + 2 * channels)
        self.end = offset + 2 * channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:  # x [B, C, H, W], style [B, S]
        # For one frame, batch norm is instance norm, and it scales and shifts in the same pass.
        gain, shift = 1 + style[:, self.scale], style[:, self.shift]
        frames = [
            F.batch_norm(frame[None], None, None, gain[i], shift[i], training=True)
            for i, frame in enumerate(x)
        ]
        return frames[0] if len(frames) == 1 else torch.cat(frames)


class StyledConv(nn.Module):
    """A 3×3 convolution, then a styled norm."""

    def __init__(self, conv: nn.Conv2d, offset: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = StyledNorm(conv.out_channels, offset)
        self.end = self.norm.end

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x), style)
        return out


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution that repeats the edges: zeros would tell it where the picture ends."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False, padding_mode="replicate")


class UpsampledConv(nn.Conv2d):
    """Enlarges the input to twice its size, bilinearly, and applies a 3×3 convolution.

    The enlarged input is never computed. Each of the four output pixels of an input pixel is a 3×3
    convolution of the small input, with weights derived from those of the large one.
    """

    bilinear: Tensor  # [2, 3, 3]

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=False)
        # The three neighbours of an even and of an odd pixel of the enlarged input, each as a
        # weighted sum of three pixels of the small one.
        even = [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25]]
        odd = [[0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75]]
        self.register_buffer("bilinear", torch.tensor([even, odd]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.einsum("yis,xjt,ocij->yxocst", self.bilinear, self.bilinear, self.weight)
        seen = F.pad(x, (1, 1, 1, 1), mode="replicate")
        return depth_to_space(F.conv2d(seen, weight.flatten(0, 2)))


class ConvToPixels(nn.Conv2d):
    """A 3×3 convolution to RGB at twice the size.

    The four pixels of a 2×2 square have weights of their own, but with equal sums. Otherwise flat
    regions would get a pattern of two pixels.
    """

    def __init__(self, inputs: int, bias: bool) -> None:
        super().__init__(inputs, 12, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        places = self.weight.reshape(4, 3, -1, 3, 3)
        sums = places.sum((-1, -2), keepdim=True)
        weight = places + (sums.mean(0) - sums) / 9
        bias = self.bias
        if bias is not None:
            bias = bias.reshape(4, 3).mean(0).repeat(4)
        return depth_to_space(F.conv2d(x, weight.flatten(0, 1), bias, padding=1))


class Block(nn.Module):
    """A residual block of two styled convolutions."""

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.first = StyledConv(conv(channels, channels), offset)
        self.second = StyledConv(conv(channels, channels), self.first.end)
        self.end = self.second.end

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        change: Tensor = self.second(F.relu(self.first(x, style), inplace=True), style)
        change += x
        return change


def depth_to_space(x: Tensor) -> Tensor:
    """[B, 4·C, H, W] to [B, C, 2·H, 2·W]: four channels become a 2×2 square."""
    batch, channels, height, width = x.shape
    squares = x.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, channels // 4)
    out = squares.transpose(2, 3).reshape(batch, 2 * height, 2 * width, channels // 4)
    return out.permute(0, 3, 1, 2)


def space_to_depth(x: Tensor) -> Tensor:
    """[B, C, 2·H, 2·W] to [B, 4·C, H, W]: the inverse of depth_to_space."""
    batch, channels, height, width = x.shape
    squares = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
    out = squares.transpose(2, 3).reshape(batch, height // 2, width // 2, 4 * channels)
    return out.permute(0, 3, 1, 2)
