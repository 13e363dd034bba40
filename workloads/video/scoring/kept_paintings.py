"""The painting of a style: those of shipped styles are in the package, others are in the style."""

import numpy as np
import simplejpeg
import torch
from safetensors.torch import load, save
from torch import Tensor

from shared.errors import Reject
from shared.models import Model
from workloads.video.training import pictures
from workloads.video.training.shipped_pictures import PAINTINGS

PAINTING = "painting"
QUALITY = 90


def with_painting(style: bytes, painting: Tensor) -> bytes:  # [1, 3, H, W] in 0…1
    """The file of a style with its painting in it, as a JPEG."""
    pixels = pictures.as_picture(painting)
    jpeg = np.frombuffer(simplejpeg.encode_jpeg(pixels, QUALITY, "RGB", "420"), np.uint8)
    return save(load(style) | {PAINTING: torch.from_numpy(jpeg.copy())})


def painting_of(model: Model) -> Tensor:
    """Raises Reject if the style was learnt before paintings were kept."""
    kept = load(model.data).get(PAINTING)
    if kept is not None:
        return pictures.as_tensor(simplejpeg.decode_jpeg(kept.numpy().tobytes(), "RGB"))
    shipped = PAINTINGS / f"{model.name}.jpg"
    if not shipped.exists():
        raise Reject(f"{model.name} has no painting beside it; learn it again for !fine")
    return pictures.read(shipped)
