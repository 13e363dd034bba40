"""The painter: a coarse stage at 360 lines, and a fine one at 720, whatever the frame's size.

Strokes are as large as the frame is: a larger frame gets the same picture, enlarged.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from services.scorer.coarse import STRIDE, Coarse
from services.scorer.fine import Fine
from services.scorer.layers import space_to_depth

#: Of the coarse stage's pictures; the fine one's have twice as many.
LINES = 360
#: At most; of a frame that is much longer than wide, fewer lines are painted.
MOST_PIXELS = 2 * LINES * LINES * 16 // 9
#: What a stage paints near the edge of all that it sees is no good. So the frame is continued by
#: its mirror image: by so many of the coarse stage's pixels, and by some more for the fine one.
MARGIN = 32
RIM = 4


class PainterNetwork(nn.Module):
    """Frames [B, 3, H, W] in 0…1 and styles [B, S] to painted frames of the same size."""

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
        """The coarse stage's picture of frames that are as small as it paints them."""
        (height, width), margin = frames.shape[2:], self.margin
        down, right = (margin + -(side + 2 * margin) % STRIDE for side in (height, width))
        seen = mirrored(frames, (margin, right, margin, down))
        painted: Tensor = self.coarse(seen, style, noise)
        return painted[:, :, margin : margin + height, margin : margin + width].to(frames)


def painted_size(height: int, width: int) -> tuple[int, int]:
    """Of the coarse stage's picture of such a frame."""
    scale = min(LINES / min(height, width), (MOST_PIXELS / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resized(frames: Tensor, height: int, width: int) -> Tensor:
    if frames.shape[2:] == (height, width):
        return frames
    smaller = height < frames.shape[2]
    # Where it is made smaller, CPUs do so in float32 alone.
    exact = frames.float() if smaller else frames
    return F.interpolate(exact, (height, width), mode="bilinear", antialias=smaller).to(frames)


def halved(parts: Tensor) -> Tensor:
    """Gathered frames [B, 12, H, W] at half their size [B, 3, H, W]."""
    batch, _, height, width = parts.shape
    return parts.reshape(batch, 4, 3, height, width).mean(1)


def mirrored(frames: Tensor, margins: tuple[int, ...]) -> Tensor:
    """Continued by their mirror images, or by their edges where they are too small for that."""
    mode = "reflect" if min(frames.shape[2:]) > max(margins) else "replicate"
    return F.pad(frames, margins, mode=mode)
