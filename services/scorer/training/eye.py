"""What pictures are judged by: what VGG16 sees in them."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg16

STYLE_LAYERS = (3, 8, 15, 22)  # relu1_2, relu2_2, relu3_3, relu4_3
CONTENT_LAYER = 15
#: The eye itself sees a frame at a picture's rim; a painter judged by it would learn to draw one.
RIM = 12
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Features = dict[int, Tensor]


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


def inner(images: Tensor) -> Tensor:
    return images[:, :, RIM:-RIM, RIM:-RIM]
