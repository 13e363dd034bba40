"""Reads pictures, resizes them, and cuts crops to train on."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def read(path: Path) -> Tensor:  # [1, 3, H, W] in 0…1
    return as_tensor(simplejpeg.decode_jpeg(path.read_bytes(), "RGB"))


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:  # [H, W, 3] -> [1, 3, H, W]
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def as_picture(image: Tensor) -> NDArray[np.uint8]:  # [1, 3, H, W] -> [H, W, 3]
    pixels = (image[0] * 255 + 0.5).to(torch.uint8).permute(1, 2, 0)
    return np.ascontiguousarray(pixels.cpu().numpy())


def at_lines(image: Tensor, lines: int) -> Tensor:
    """Resized so that the shorter side has so many pixels."""
    scale = lines / min(image.shape[2:])
    size = [round(side * scale) for side in image.shape[2:]]
    resize = partial(F.interpolate, size=size, mode="bicubic", antialias=True)
    return resize(image).clamp(0, 1)


def crops(images: list[Tensor], size: int, batch: int, seed: int) -> Iterator[list[Tensor]]:
    """Endless batches of random square crops, half of them mirrored."""
    chance = random.Random(seed)
    while True:
        yield [square(chance.choice(images), size, chance) for _ in range(batch)]


def square(image: Tensor, size: int, chance: random.Random) -> Tensor:
    top, left = (chance.randint(0, side - size) for side in image.shape[2:])
    piece = image[:, :, top : top + size, left : left + size]
    piece = piece.flip(3) if chance.random() < 0.5 else piece
    return piece.contiguous(memory_format=torch.channels_last)
