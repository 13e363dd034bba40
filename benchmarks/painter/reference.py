"""The reference for the painter's speed: the usual style transfer network, in the usual loop.

The network of Johnson et al. 2016, as in common example code: 9×9, two strided 3×3, five residual
blocks at 128 channels, two upsamplings; 1.68 M parameters; one frame at a time, in float32.
"""

import simplejpeg
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from workloads.video.scoring.picture_scorer import QUALITY


class Padded(nn.Module):
    """A convolution with reflection padding, then an instance norm."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, up: int = 1
    ) -> None:
        super().__init__()
        self.up, self.border = up, kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)
        self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.up > 1:
            x = F.interpolate(x, scale_factor=float(self.up))
        found: Tensor = self.norm(self.conv(F.pad(x, [self.border] * 4, mode="reflect")))
        return found


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Padded(channels, channels, 3), Padded(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.as_tensor(self.second(F.relu(self.first(x))))


class Reference(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(Padded(3, 32, 9), nn.ReLU(), Padded(32, 64, 3, 2), nn.ReLU()),
            *(Padded(64, 128, 3, 2), nn.ReLU(), *(Residual(128) for _ in range(5))),
            *(Padded(128, 64, 3, up=2), nn.ReLU(), Padded(64, 32, 3, up=2), nn.ReLU()),
            *(nn.ReflectionPad2d(4), nn.Conv2d(32, 3, 9)),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


@torch.inference_mode()
def loop(network: Reference, jpegs: list[bytes]) -> list[bytes]:
    """Uses the scorer's JPEG codec, so that only the painting differs."""
    painted = []
    for data in jpegs:
        frame = torch.from_numpy(simplejpeg.decode_jpeg(data, "RGB")).permute(2, 0, 1).float()
        out = network(frame[None])[0].clamp(0, 255).permute(1, 2, 0).to(torch.uint8)
        painted.append(simplejpeg.encode_jpeg(out.contiguous().numpy(), QUALITY, "RGB", "420"))
    return painted
