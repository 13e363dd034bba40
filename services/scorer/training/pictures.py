"""Pictures to learn from: photographs in pieces, paintings whole."""

import random
from collections.abc import Iterator
from pathlib import Path

import simplejpeg
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def read(path: Path) -> Tensor:  # [1, 3, H, W] in 0…1
    pixels = torch.from_numpy(simplejpeg.decode_jpeg(path.read_bytes(), "RGB"))
    return pixels.permute(2, 0, 1)[None].float() / 255


def shrunk(image: Tensor, shorter_side: int) -> Tensor:
    scale = shorter_side / min(image.shape[2:])
    return F.interpolate(image, scale_factor=scale, mode="bilinear", antialias=True).clamp(0, 1)


def crops(photos: list[Path], size: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of squares, each cut at a scale and a place of its own."""
    chance = random.Random(seed)
    images = [read(path) for path in photos]
    while True:
        squares = [square(chance.choice(images), size, chance) for _ in range(batch)]
        yield torch.cat(squares).clamp(0, 1).contiguous(memory_format=torch.channels_last)


def square(image: Tensor, size: int, chance: random.Random) -> Tensor:
    height, width = image.shape[2:]
    side = chance.randint(min(size, height, width), min(height, width))
    top, left = chance.randint(0, height - side), chance.randint(0, width - side)
    piece = image[:, :, top : top + side, left : left + side]
    if chance.random() < 0.5:
        piece = piece.flip(3)
    return F.interpolate(piece, (size, size), mode="bilinear", antialias=True)
