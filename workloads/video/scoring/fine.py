"""The fine stage: doubles the size of the coarse picture and sharpens it with the frame."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.layers import ConvToPixels, conv

WIDTH = 32
#: Bilinear enlarging along one side: what the even and the odd pixel take from three neighbours.
BILINEAR = ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25))


class ModulatedConv(nn.Module):
    """A 3×3 convolution whose output channels are scaled and shifted by the style."""

    def __init__(self, inputs: int, outputs: int, offset: int) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs)
        self.scale = slice(offset, offset + outputs)
        self.shift = slice(offset + outputs, offset + 2 * outputs)
        self.end = offset + 2 * outputs

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        # Scaling the weights is cheaper than scaling the output.
        gain, shift = 1 + style[:, self.scale], style[:, self.shift]
        gains = gain[:, :, None, None, None]
        frames = [
            F.conv2d(frame[None], self.conv.weight * gains[i], shift[i], padding=1)
            for i, frame in enumerate(x)
        ]
        return frames[0] if len(frames) == 1 else torch.cat(frames)


class Fine(nn.Module):
    """Maps frames [B, 12, H/2, W/2] and coarse pictures [B, 3, H/2, W/2] to [B, 3, H, W]."""

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
    """Initial weights: enlarge the last three channels bilinearly and ignore the others."""
    shares = torch.tensor(BILINEAR)
    weight = torch.zeros(2, 2, 3, others + 3, 3, 3)
    for colour in range(3):
        weight[:, :, colour, others + colour] = torch.einsum("ys,xt->yxst", shares, shares)
    return weight.flatten(0, 2)
