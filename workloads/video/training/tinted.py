"""Photos in a painting's colours: what a picture must not be mistaken for."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from workloads.video.training.patches import some

PIXELS, QUANTILES = 16384, 256


def tinted(photo: Tensor, colours: Tensor) -> Tensor:
    """A photo [1, 3, H, W] whose channels have the quantiles of `colours` [pixels, 3]."""
    shares = torch.linspace(0, 1, QUANTILES, device=colours.device)
    wanted = torch.quantile(some(colours, PIXELS), shares, dim=0)
    channels = photo[0].flatten(1)  # [3, H·W]
    ranked = F.interpolate(wanted.T[None], channels.shape[1], mode="linear", align_corners=True)
    changed = torch.empty_like(channels).scatter_(1, channels.argsort(1), ranked[0])
    return changed.reshape(photo.shape).contiguous(memory_format=torch.channels_last)
