"""How a picture is judged: VGG16 looks at what is in it, and at what it is painted with."""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg16

STYLE_LAYERS = (3, 8, 15, 22)  # relu1_2, relu2_2, relu3_3, relu4_3
CONTENT_LAYER = 15
#: The eye itself sees a frame at a picture's rim; a painter judged by it would learn to draw one.
RIM = 12
#: Along either side of a piece.
PATCHES = 3
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Features = dict[int, Tensor]


class Judgement(NamedTuple):
    """All are 0 at best; of content 1 is as far as from no picture at all."""

    content: Tensor
    style: Tensor  # [B], of the whole, the layers' distances added up
    patches: Tensor  # [B], the mean over patches of the same


class Eye(nn.Module):
    """VGG16's features, up to the last layer that is looked at."""

    def __init__(self, weights: Path | None, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        net = vgg16(weights=None if weights else VGG16_Weights.IMAGENET1K_V1).features
        if weights:
            state = load_file(weights)
            net.load_state_dict({k.removeprefix("features."): v.float() for k, v in state.items()})
        layers = net[: max(STYLE_LAYERS) + 1].eval().requires_grad_(False)
        # Converted once: autocast would convert frozen weights anew for every picture.
        self.layers = layers.to(dtype).to(memory_format=torch.channels_last)
        self.dtype = dtype

    def forward(self, images: Tensor, last: int = STYLE_LAYERS[-1]) -> Features:
        x = ((images - MEAN) / STD).to(self.dtype).contiguous(memory_format=torch.channels_last)
        seen = {}
        for index, layer in enumerate(self.layers[: last + 1]):
            x = layer(x)
            if index in STYLE_LAYERS:
                seen[index] = x
        return seen

    @torch.no_grad()
    def manner(self, painting: Tensor) -> Features:
        """What a painting is painted with: its Gram matrices."""
        return {index: gram(flat(features)) for index, features in self(painting).items()}

    def judge(self, painted: Tensor, photos: Tensor, manners: Features) -> Judgement:
        """How far from the photos' content, and from the manner wanted of each."""
        with torch.no_grad():
            wanted = self(inner(photos), CONTENT_LAYER)[CONTENT_LAYER].float()
        seen = self(inner(painted))
        error = (seen[CONTENT_LAYER].float() - wanted).square().mean((1, 2, 3))
        content = (error / wanted.var((1, 2, 3))).mean()
        style, patches = torch.zeros(2, len(painted))
        for index in STYLE_LAYERS:
            grams = gram(in_patches(seen[index]))
            grams = grams.view(len(painted), -1, *grams.shape[1:])
            style = style + distance(grams.mean(1), manners[index])
            patches = patches + distance(grams, manners[index][:, None]).mean(1)
        return Judgement(content, style, patches)


def inner(images: Tensor) -> Tensor:
    return images[:, :, RIM:-RIM, RIM:-RIM]


def in_patches(features: Tensor) -> Tensor:  # [B, C, H, W] -> [B · PATCHES², H'W', C]
    """A picture may be like a painting on the whole and have all its brush strokes in the sky."""
    height, width = (side // PATCHES for side in features.shape[2:])
    whole = features.permute(0, 2, 3, 1)[:, : height * PATCHES, : width * PATCHES]
    cut = whole.reshape(len(whole), PATCHES, height, PATCHES, width, -1)
    return cut.transpose(2, 3).flatten(0, 2).flatten(1, 2)


def gram(pixels: Tensor) -> Tensor:  # [B, N, C] -> [B, C, C]
    return torch.bmm(pixels.transpose(1, 2), pixels).float() / pixels.shape[1]


def flat(features: Tensor) -> Tensor:  # [B, C, H, W] -> [B, HW, C], as it lies in memory
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def far(seen: Features, manner: Features) -> Tensor:  # [B]
    """From a manner, all layers' distances added up."""
    return torch.stack([distance(gram(flat(seen[i])), manner[i]) for i in STYLE_LAYERS]).sum(0)


def distance(found: Tensor, wanted: Tensor) -> Tensor:  # [..., C, C] -> [...]
    return (found - wanted).square().sum((-2, -1)) / wanted.square().sum((-2, -1))
