"""Pictures to learn from: photographs and frames in pieces, paintings whole."""

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: A piece is cut so much smaller or larger than it is shown: films are soft more often than busy.
SCALES = 0.6, 1.7


def read(path: Path) -> Tensor:  # [1, 3, H, W] in 0…1
    return as_tensor(simplejpeg.decode_jpeg(path.read_bytes(), "RGB"))


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:  # [H, W, 3] -> [1, 3, H, W]
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def shrunk(image: Tensor, shorter_side: int) -> Tensor:
    scale = min(1.0, shorter_side / min(image.shape[2:]))
    return F.interpolate(image, scale_factor=scale, mode="bilinear", antialias=True).clamp(0, 1)


def crops(images: list[Tensor], size: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of squares, each cut at a scale and a place of its own."""
    chance = random.Random(seed)
    while True:
        squares = [square(chance.choice(images), size, chance) for _ in range(batch)]
        yield torch.cat(squares).clamp(0, 1).contiguous(memory_format=torch.channels_last)


def square(image: Tensor, size: int, chance: random.Random) -> Tensor:
    height, width = image.shape[2:]
    scale = math.exp(chance.uniform(*map(math.log, SCALES)))
    side = min(height, width, round(size * scale))
    top, left = chance.randint(0, height - side), chance.randint(0, width - side)
    piece = image[:, :, top : top + side, left : left + side]
    if chance.random() < 0.5:
        piece = piece.flip(3)
    return F.interpolate(piece, (size, size), mode="bilinear", antialias=True)
