"""VGG16, whose features the losses compare."""

import hashlib
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg16

from shared.errors import Misconfigured
from workloads.video.scoring.device import best_on_cpu

GRAM_LAYERS = (3, 8, 15, 22)  # relu1_2, relu2_2, relu3_3, relu4_3
PATCH_LAYERS = (11, 18)  # relu3_1, relu4_1
CONTENT_LAYER = 20  # relu4_2
LAST = max(GRAM_LAYERS + PATCH_LAYERS)
#: The stride of each layer's features, in pixels.
STRIDES = {3: 1, 8: 2, 11: 4, 15: 4, 18: 8, 20: 8, 22: 8}
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

PUBLISHED = VGG16_Weights.IMAGENET1K_V1.url
SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"

Features = dict[int, Tensor]


class Vgg(nn.Module):
    """VGG16 up to the last layer that is used; returns the features of those layers."""

    def __init__(self, weights: Path | None) -> None:
        super().__init__()
        state = load_file(weights) if weights else published_weights()
        net = vgg16(weights=None).features
        net.load_state_dict(
            {
                name.removeprefix("features."): tensor.float()
                for name, tensor in state.items()
                if not name.startswith("classifier.")
            }
        )
        layers = net[: LAST + 1].eval().requires_grad_(False)
        # Converted once here, because autocast would convert the frozen weights for every picture.
        self.dtype = best_on_cpu()
        self.layers = layers.to(self.dtype).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, last: int = LAST) -> Features:
        mean, std = MEAN.to(images.device), STD.to(images.device)
        x = ((images - mean) / std).to(self.dtype).contiguous(memory_format=torch.channels_last)
        features = {}
        for index, layer in enumerate(self.layers[: last + 1]):
            x = layer(x)
            if index in STRIDES:
                features[index] = x
        return features


def load_vgg(weights: Path | None) -> Vgg:
    """Raises Misconfigured if there are no weights to load."""
    try:
        return Vgg(weights)
    except (OSError, URLError) as error:
        raise Misconfigured(
            "learning a style and painting with !fine need VGG16's weights, which can't be "
            f"loaded: {error}; set IMPASTO_VGG_WEIGHTS to a file of them"
        ) from error


def published_weights() -> dict[str, Tensor]:
    """The weights that torchvision publishes, from its cache or its site.

    Raises OSError if they can't be downloaded or the hash differs. The file is a pickle, so only
    tensors are loaded from it.
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
            raise OSError(f"{path} isn't the file that torchvision publishes: its SHA-256 differs")
        file.seek(0)
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def without_rim(features: Tensor, layer: int, rim: int) -> Tensor:
    """Features without those within `rim` pixels of the edge, which depend on the padding."""
    places = -(-rim // STRIDES[layer])
    return features[:, :, places:-places, places:-places] if places else features
