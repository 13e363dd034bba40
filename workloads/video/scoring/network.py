"""The painter's network: a coarse stage at 360 lines and a fine stage at 720.

A larger frame gets the same picture, enlarged, so strokes have the same size relative to the frame.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.coarse import STRIDE, Coarse
from workloads.video.scoring.fine import Fine
from workloads.video.scoring.layers import space_to_depth

#: The shorter side of the coarse stage's pictures; the fine stage's have twice as many lines.
LINES = 360
#: The largest coarse picture; a frame that is much longer than wide is painted at fewer lines.
MOST_PIXELS = 2 * LINES * LINES * 16 // 9
#: Each stage paints badly near the edges of its input. So the frame is padded with its mirror
#: image, for each stage by so many coarse pixels.
MARGIN = 32
RIM = 4


class PainterNetwork(nn.Module):
    """Maps frames [B, 3, H, W] in 0…1 and styles [B, S] to painted frames of the same size."""

    def __init__(self, margin: int = MARGIN) -> None:
        super().__init__()
        self.margin = margin
        self.coarse = Coarse()
        self.fine = Fine(self.coarse.end)
        self.style_size = self.fine.end

    def forward(self, frames: Tensor, style: Tensor) -> Tensor:
        size = frames.shape[2:]
        height, width = (2 * side for side in painted_size(*size))
        rim = 2 * RIM
        frames = mirrored(resized(frames, height, width), (rim,) * 4)
        parts = space_to_depth(frames)
        rough = self.rough(halved(parts), style)
        painted: Tensor = self.fine(parts, rough, style)
        return resized(painted[:, :, rim : rim + height, rim : rim + width], *size)

    def rough(self, frames: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """The coarse stage's picture of frames that already have its size."""
        (height, width), margin = frames.shape[2:], self.margin
        down, right = (margin + -(side + 2 * margin) % STRIDE for side in (height, width))
        seen = mirrored(frames, (margin, right, margin, down))
        painted: Tensor = self.coarse(seen, style, noise)
        return painted[:, :, margin : margin + height, margin : margin + width].to(frames)


def painted_size(height: int, width: int) -> tuple[int, int]:
    """The size of the coarse stage's picture of a frame."""
    scale = min(LINES / min(height, width), (MOST_PIXELS / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resized(frames: Tensor, height: int, width: int) -> Tensor:
    if frames.shape[2:] == (height, width):
        return frames
    smaller = height < frames.shape[2]
    # On CPUs, antialiasing needs float32.
    exact = frames.float() if smaller else frames
    return F.interpolate(exact, (height, width), mode="bilinear", antialias=smaller).to(frames)


def halved(parts: Tensor) -> Tensor:
    """The output of space_to_depth [B, 12, H, W] as frames of half the size [B, 3, H, W]."""
    batch, _, height, width = parts.shape
    return parts.reshape(batch, 4, 3, height, width).mean(1)


def mirrored(frames: Tensor, margins: tuple[int, ...]) -> Tensor:
    """Frames padded with their mirror image, or with their edges if they are too small for that."""
    mode = "reflect" if min(frames.shape[2:]) > max(margins) else "replicate"
    return F.pad(frames, margins, mode=mode)
