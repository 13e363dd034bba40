"""The fine stage: it makes a coarse picture sharp, with the frame beside it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from services.scorer.layers import ConvToPixels, conv

WIDTH = 32
#: How far each place of a 2×2 square reaches into its three neighbours along a side.
ENLARGING = ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25))


class ModulatedConv(nn.Module):
    """A 3×3 convolution whose channels the style scales and shifts."""

    def __init__(self, inputs: int, outputs: int, offset: int) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs)
        self.scale = slice(offset, offset + outputs)
        self.shift = slice(offset + outputs, offset + 2 * outputs)
        self.end = offset + 2 * outputs

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        # The weights are scaled, which are fewer than what they make.
        gain, shift = 1 + style[:, self.scale], style[:, self.shift]
        gains = gain[:, :, None, None, None]
        frames = [
            F.conv2d(frame[None], self.conv.weight * gains[i], shift[i], padding=1)
            for i, frame in enumerate(x)
        ]
        return frames[0] if len(frames) == 1 else torch.cat(frames)


class Fine(nn.Module):
    """Frames [B, 12, H/2, W/2] and coarse pictures [B, 3, H/2, W/2] to [B, 3, H, W]."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.enter = ModulatedConv(15, WIDTH, offset)
        self.middle = ModulatedConv(WIDTH, WIDTH, self.enter.end)
        self.end = self.middle.end
        self.leave = ConvToPixels(WIDTH + 3, bias=False)
        self.leave.weight.data.copy_(enlarging(WIDTH))

    def forward(self, frames: Tensor, painted: Tensor, style: Tensor) -> Tensor:
        x = torch.cat([frames, painted], 1)
        x = F.relu(self.enter(x * 2 - 1, style), inplace=True)
        x = F.relu(self.middle(x, style), inplace=True)
        pixels: Tensor = self.leave(torch.cat([x, painted], 1))
        return pixels.clamp(0, 1)


def enlarging(others: int) -> Tensor:
    """Weights that smoothly enlarge the last three channels, and heed no others."""
    ways = torch.tensor(ENLARGING)
    weight = torch.zeros(2, 2, 3, others + 3, 3, 3)
    for colour in range(3):
        weight[:, :, colour, others + colour] = torch.einsum("ys,xt->yxst", ways, ways)
    return weight.flatten(0, 2)
