"""The photos that show a style, painted in it: the first at every checkpoint of a lesson."""

from pathlib import Path

import numpy as np
import simplejpeg
import torch
from torch import Tensor

from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import Painter

#: 1.jpg, 2.jpg and 3.jpg: those of the gallery.
PHOTOS = Path(__file__).parents[1] / "photos"
QUALITY = 82


@torch.no_grad()
def painted_photos(network: PainterNetwork, vector: Tensor, every: bool) -> dict[str, bytes]:
    """JPEGs by name; only the first unless `every` one is asked for."""
    painter = Painter(network, vector.detach()[None])
    paths = sorted(PHOTOS.glob("*.jpg"))[: None if every else 1]
    return {path.name: painted(painter, path) for path in paths}


def painted(painter: Painter, path: Path) -> bytes:
    photo = np.array(simplejpeg.decode_jpeg(path.read_bytes(), "RGB"))
    jpeg: bytes = simplejpeg.encode_jpeg(painter.paint(photo), QUALITY, "RGB", "420")
    return jpeg
