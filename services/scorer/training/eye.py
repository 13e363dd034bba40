"""What pictures are judged by: what VGG16 sees in them."""

import hashlib
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

PUBLISHED = VGG16_Weights.IMAGENET1K_V1.url
SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"

Features = dict[int, Tensor]


class Eye(nn.Module):
    """VGG16's features, up to the last layer that is looked at."""

    def __init__(self, weights: Path | None, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        state = load_file(weights) if weights else published()
        net = vgg16(weights=None).features
        net.load_state_dict(
            {
                name.removeprefix("features."): tensor.float()
                for name, tensor in state.items()
                if not name.startswith("classifier.")
            }
        )
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


def published() -> dict[str, Tensor]:
    """The weights that torchvision publishes, from its cache or its site.

    OSError where they can't be had or aren't those: the file is a pickle, and is loaded as tensors
    alone.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(PUBLISHED).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(PUBLISHED, str(path), hash_prefix=SHA256)
        except RuntimeError as error:  # another hash
            raise OSError(str(error)) from error
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise OSError(f"{path} isn't what torchvision publishes: its SHA-256 differs")
        file.seek(0)
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def inner(images: Tensor) -> Tensor:
    return images[:, :, RIM:-RIM, RIM:-RIM]
