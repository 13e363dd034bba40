"""How a picture is judged: VGG16 looks at what is in it, and at what it is painted with."""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import VGG16_Weights, vgg16

STYLE_LAYERS = (3, 8, 15, 22)  # relu1_2, relu2_2, relu3_3, relu4_3
CONTENT_LAYER = 15
#: The eye itself sees a frame at a picture's rim; a painter judged by it would learn to draw one.
RIM = 12
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Features = dict[int, Tensor]


class Judgement(NamedTuple):
    content: Tensor
    style: Tensor


class Eye(nn.Module):
    """VGG16's features, up to the last layer that is looked at."""

    def __init__(self, weights: Path | None) -> None:
        super().__init__()
        net = vgg16(weights=None if weights else VGG16_Weights.IMAGENET1K_V1).features
        if weights:
            state = load_file(weights)
            net.load_state_dict({k.removeprefix("features."): v.float() for k, v in state.items()})
        layers = net[: max(STYLE_LAYERS) + 1].eval().requires_grad_(False)
        self.layers = layers.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Features:
        x = ((images - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        seen = {}
        with torch.autocast("cpu", torch.bfloat16):
            for index, layer in enumerate(self.layers):
                x = F.relu(x) if isinstance(layer, nn.ReLU) else layer(x)
                if index in STYLE_LAYERS:
                    seen[index] = x.float()
        return seen

    @torch.no_grad()
    def manner(self, painting: Tensor) -> Features:
        """What a painting is painted with: its Gram matrices."""
        return {index: gram(features) for index, features in self(painting).items()}

    def judge(self, painted: Tensor, photos: Tensor, manners: Features) -> Judgement:
        """How far from the photos' content, and from the manner wanted of each; 1 is all of it."""
        with torch.no_grad():
            wanted = self(inner(photos))[CONTENT_LAYER]
        seen = self(inner(painted))
        content = F.mse_loss(seen[CONTENT_LAYER], wanted) / wanted.square().mean()
        style = [relative(gram(seen[index]), manners[index]) for index in STYLE_LAYERS]
        return Judgement(content, torch.stack(style).sum())


def inner(images: Tensor) -> Tensor:
    return images[:, :, RIM:-RIM, RIM:-RIM]


def gram(features: Tensor) -> Tensor:  # [B, C, H, W] -> [B, C, C]
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def relative(found: Tensor, wanted: Tensor) -> Tensor:
    return ((found - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))).mean()
