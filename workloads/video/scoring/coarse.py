"""The coarse stage: paints the frame at 360 lines, where large strokes fit the receptive field."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.layers import (
    Block,
    ConvToPixels,
    StyledConv,
    StyledNorm,
    UpsampledConv,
    conv,
    space_to_depth,
)

STRIDE = 16
WIDTHS = (32, 64, 112, 128)
BLOCKS = 3
DEEP_BLOCKS = 2
NOISES = 4
#: Height and width at an eighth of the picture's size; larger pictures repeat the noise.
NOISE_SIZE = (96, 160)


class Coarse(nn.Module):
    """Maps frames [B, 3, H, W] in 0…1 and styles [B, S] to pictures.

    H and W are multiples of STRIDE. In a flat region, a convolutional network can only paint a
    constant or a pattern that repeats at its stride, so it also gets noise, the same for every
    frame.
    """

    noise: Tensor  # [1, N, H, W]

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = WIDTHS
        self.enter = StyledConv(conv(12, half), 0)
        self.down1 = StyledConv(conv(half, quarter, stride=2), self.enter.end)
        self.down2 = StyledConv(conv(quarter, eighth, stride=2), self.down1.end)
        self.blocks, end = blocks(BLOCKS, eighth, self.down2.end)
        self.up1 = StyledConv(UpsampledConv(eighth, quarter), end)
        self.past = StyledNorm(quarter, self.up1.end)
        self.strokes = Block(quarter, self.past.end)
        self.up2 = StyledConv(UpsampledConv(quarter, half), self.strokes.end)
        self.leave = ConvToPixels(half, bias=True)
        self.seeds = conv(NOISES, eighth)
        self.down3 = StyledConv(conv(eighth, sixteenth, stride=2), self.up2.end)
        self.deep, end = blocks(DEEP_BLOCKS, sixteenth, self.down3.end)
        self.up0 = StyledConv(UpsampledConv(sixteenth, eighth), end)
        self.end = self.up0.end
        made = np.random.RandomState(7).standard_normal((1, NOISES, *NOISE_SIZE))
        self.register_buffer("noise", torch.from_numpy(made).float(), persistent=False)

    def forward(self, frames: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        x = space_to_depth(frames * 2 - 1)  # [B, 12, H/2, W/2]
        x = F.relu(self.enter(x, style), inplace=True)
        details = F.relu(self.down1(x, style), inplace=True)  # [B, 64, H/4, W/4]
        x = F.relu(self.down2(details, style), inplace=True)  # [B, 112, H/8, W/8]
        if noise is None:
            noise = self.noise_for(*x.shape[2:])
        x = x + self.seeds(noise)
        far = F.relu(self.down3(x, style), inplace=True)  # [B, 128, H/16, W/16]
        for block in self.deep:
            far = block(far, style)
        x = x + self.up0(far, style)
        for block in self.blocks:
            x = block(x, style)
        # A skip connection for outlines, scaled by the style.
        x = F.relu(self.up1(x, style) + self.past(details, style), inplace=True)
        x = self.strokes(x, style)
        x = F.relu(self.up2(x, style), inplace=True)
        return torch.sigmoid(self.leave(x).float())

    def noise_for(self, height: int, width: int) -> Tensor:
        down, across = -(-height // NOISE_SIZE[0]), -(-width // NOISE_SIZE[1])
        tiled = self.noise.repeat(1, 1, down, across) if down * across > 1 else self.noise
        return tiled[:, :, :height, :width]


def blocks(count: int, channels: int, offset: int) -> tuple[nn.ModuleList, int]:
    made: list[Block] = []
    for _ in range(count):
        made.append(Block(channels, offset))
        offset = made[-1].end
    return nn.ModuleList(made), offset
