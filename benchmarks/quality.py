"""How well the painter paints: like the painting, and still what was in the photo.

Measured with VGG16 on photos that were kept out of training, which `recipe.json` names: the Gram
distance to the painting over that of the plain photo, and the content's squared error over the
photo's variance. All are added up over the photos first, so that a flat one doesn't count for much.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from services.scorer.network import Painter
from services.scorer.training import pictures
from services.scorer.training.eye import CONTENT_LAYER, STYLE_LAYERS, Eye, distance, flat, gram

PHOTO_SIZE = 512
PAINTING_SIZE = 512


class Quality(NamedTuple):
    gram: float
    content: float


def painted(network: Painter, photo: Tensor, style: Tensor) -> Tensor:
    """As 8 bits would hold it."""
    weights = next(network.parameters())
    with torch.inference_mode():
        made = network(photo.to(weights), style.to(weights))
    eight_bits: Tensor = (made * 255).round() / 255
    return eight_bits


def quality(
    eye: Eye, network: Painter, style: Tensor, painting: Tensor, photos: list[Tensor]
) -> Quality:
    manner = eye.manner(pictures.shrunk(painting, PAINTING_SIZE))
    sums = torch.zeros(4, dtype=torch.float64)
    with torch.inference_mode():
        for photo in photos:
            plain, made = eye(photo), eye(painted(network, photo, style))
            near, far = (
                sum(distance(gram(flat(seen[layer])), manner[layer]) for layer in STYLE_LAYERS)
                for seen in (made, plain)
            )
            wanted = plain[CONTENT_LAYER].float()
            error = (made[CONTENT_LAYER].float() - wanted).square().mean()
            sums += torch.tensor([float(near), float(far), float(error), float(wanted.var())])
    near_all, far_all, errors, variances = sums.tolist()
    return Quality(near_all / far_all, errors / variances)


def kept_out(folder: Path, names: list[str]) -> list[Tensor]:
    return [pictures.shrunk(pictures.read(folder / name), PHOTO_SIZE) for name in names]
