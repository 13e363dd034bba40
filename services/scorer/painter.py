"""The scorer that paints: JPEG frames in, JPEG frames out, one style."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor

from services.scorer.network import Painter as Network
from services.scorer.stopwatch import Stopwatch
from shared.errors import Misconfigured, Reject
from shared.shards import Item

QUALITY = 95
STYLE = "style"


class Painter:
    def __init__(self, network: Network, style: Tensor, batch: int) -> None:
        self._network = network
        self._style = style
        self._batch = batch
        self.device = f"cpu, {torch.get_num_threads()} threads, bfloat16"

    def score(self, items: list[Item], watch: Stopwatch) -> list[Item]:
        with watch.stage("decode"):
            frames = [simplejpeg.decode_jpeg(item.data, "RGB") for item in items]
        with watch.stage("model"):
            painted = [picture for batch in self._batches(frames) for picture in self._paint(batch)]
        with watch.stage("encode"):
            return [
                Item(item.name, simplejpeg.encode_jpeg(picture, QUALITY, "RGB", "420"))
                for item, picture in zip(items, painted, strict=True)
            ]

    def _batches(self, frames: list[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        for start in range(0, len(frames), self._batch):
            yield np.stack(frames[start : start + self._batch])

    @torch.inference_mode()
    def _paint(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:  # [B, H, W, 3] both ways
        x = torch.from_numpy(frames).permute(0, 3, 1, 2)  # channels last, as it lies in memory
        style = self._style.expand(len(frames), -1)
        with torch.autocast("cpu", torch.bfloat16):
            painted = self._network(x.to(torch.bfloat16) / 255, style)
        pixels = (painted * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
        return np.ascontiguousarray(pixels.numpy())


def load_network(path: Path) -> Network:
    network = Network()
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise Misconfigured(f"{path} doesn't hold this network's weights: {error}") from error
    return network.eval().to(memory_format=torch.channels_last)


def load_style(data: bytes, network: Network) -> Tensor:  # [1, S]
    try:
        style = load(data)[STYLE]
    except (SafetensorError, KeyError) as error:
        raise Reject(f"the style's weights can't be read: {error}") from error
    if style.shape != (network.style_size,) or not bool(style.isfinite().all()):
        raise Reject(f"the style's weights are {tuple(style.shape)}, not ({network.style_size},)")
    return style.float()[None]
