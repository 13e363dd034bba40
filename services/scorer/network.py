"""The painter: one small feed-forward network whose instance norms are told the style.

A style is a vector: for every channel of every norm, how much to scale and to shift it
(Dumoulin et al. 2017). Frames of one batch may each have a style of their own.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

STRIDE = 8
#: What the network paints near the edge of all that it sees is no good; this much lies outside.
MARGIN = 40
WIDTHS = (32, 64, 112)
BLOCKS = 3


class StyledNorm(nn.Module):
    """Instance norm; scale and shift come from this layer's part of the style."""

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.scale = slice(offset, offset + channels)
        self.shift = slice(offset + channels, offset + 2 * channels)
        self.end = offset + 2 * channels

    def forward(self, x: Tensor, style: Tensor) -> Tensor:  # x [B, C, H, W], style [B, S]
        # One frame's batch norm is its instance norm, in one pass with the style's scale and shift.
        gain, shift = 1 + style[:, self.scale], style[:, self.shift]
        frames = [
            F.batch_norm(frame[None], None, None, gain[i], shift[i], training=True)
            for i, frame in enumerate(x)
        ]
        return frames[0] if len(frames) == 1 else torch.cat(frames)


class StyledConv(nn.Module):
    """A 3×3 convolution, then the style."""

    def __init__(self, conv: nn.Conv2d, offset: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = StyledNorm(conv.out_channels, offset)
        self.end = self.norm.end

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x), style)
        return out


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


class ConvOfTwice(nn.Conv2d):
    """A 3×3 convolution of the picture at twice its size, smoothly enlarged.

    The large one is never made: what each place of a 2×2 square sees of the small one is a 3×3
    convolution, too.
    """

    made_of: Tensor  # [2, 3, 3]

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=False)
        # Three neighbours in the large picture, as shares of three in the small one: those round
        # an even place, and those round an odd one.
        even = [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25]]
        odd = [[0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75]]
        self.register_buffer("made_of", torch.tensor([even, odd]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.einsum("yis,xjt,ocij->yxocst", self.made_of, self.made_of, self.weight)
        return spread(F.conv2d(x, weight.flatten(0, 2), padding=1))


class Block(nn.Module):
    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.first = StyledConv(conv(channels, channels), offset)
        self.second = StyledConv(conv(channels, channels), self.first.end)
        self.end = self.second.end

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        change: Tensor = self.second(F.relu(self.first(x, style), inplace=True), style)
        change += x
        return change


class Painter(nn.Module):
    """Frames [B, 3, H, W] in 0…1 and styles [B, S] to painted frames of the same size."""

    def __init__(self, margin: int = MARGIN) -> None:
        super().__init__()
        self.margin = margin
        half, quarter, eighth = WIDTHS
        self.enter = StyledConv(conv(12, half), 0)
        self.down1 = StyledConv(conv(half, quarter, stride=2), self.enter.end)
        self.down2 = StyledConv(conv(quarter, eighth, stride=2), self.down1.end)
        blocks: list[Block] = []
        end = self.down2.end
        for _ in range(BLOCKS):
            blocks.append(Block(eighth, end))
            end = blocks[-1].end
        self.blocks = nn.ModuleList(blocks)
        self.up1 = StyledConv(ConvOfTwice(eighth, quarter), end)
        self.past = StyledNorm(quarter, self.up1.end)
        self.strokes = Block(quarter, self.past.end)
        self.up2 = StyledConv(ConvOfTwice(quarter, half), self.strokes.end)
        self.style_size = self.up2.end
        self.leave = nn.Conv2d(half, 12, 3, padding=1)

    def forward(self, frames: Tensor, style: Tensor) -> Tensor:
        (height, width), top = frames.shape[2:], self.margin
        x = with_margin(frames, self.margin)
        x = gathered(x * 2 - 1)  # [B, 12, H/2, W/2]
        x = F.relu(self.enter(x, style), inplace=True)
        details = F.relu(self.down1(x, style), inplace=True)  # [B, 64, H/4, W/4]
        x = F.relu(self.down2(details, style), inplace=True)  # [B, 112, H/8, W/8]
        for block in self.blocks:
            x = block(x, style)
        # Outlines go past the narrow middle, as far as the style wants them.
        x = F.relu(self.up1(x, style) + self.past(details, style), inplace=True)
        x = self.strokes(x, style)
        x = F.relu(self.up2(x, style), inplace=True)
        x = torch.sigmoid(self.leave(x).float())
        x = spread(x)
        return x[:, :, top : top + height, top : top + width]


def spread(x: Tensor) -> Tensor:
    """[B, 4·C, H, W] to [B, C, 2·H, 2·W]: the places of a square come out of the channels."""
    batch, channels, height, width = x.shape
    squares = x.permute(0, 2, 3, 1).reshape(batch, height, width, 2, 2, channels // 4)
    out = squares.transpose(2, 3).reshape(batch, 2 * height, 2 * width, channels // 4)
    return out.permute(0, 3, 1, 2)


def gathered(x: Tensor) -> Tensor:
    """[B, C, 2·H, 2·W] to [B, 4·C, H, W]: the way back."""
    batch, channels, height, width = x.shape
    squares = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
    out = squares.transpose(2, 3).reshape(batch, height // 2, width // 2, 4 * channels)
    return out.permute(0, 3, 1, 2)


def with_margin(frames: Tensor, margin: int) -> Tensor:
    """Mirror the edges outwards, and on to a multiple of the stride."""
    height, width = frames.shape[2:]
    down, right = margin + -height % STRIDE, margin + -width % STRIDE
    mode = "reflect" if min(height, width) > margin + STRIDE else "replicate"
    return F.pad(frames, (margin, right, margin, down), mode=mode)
