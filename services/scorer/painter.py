"""The scorer that paints: JPEG frames in, JPEG frames out, one style."""

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
    """One frame at a time: on a CPU a batch only falls out of the caches."""

    def __init__(self, network: Network, style: Tensor) -> None:
        self._network = network
        self._dtype = next(network.parameters()).dtype
        self._style = style.to(self._dtype)
        self.device = f"cpu, {torch.get_num_threads()} threads, {self._dtype}"

    def score(self, items: list[Item], watch: Stopwatch) -> list[Item]:
        return [Item(item.name, self._paint_jpeg(item.data, watch)) for item in items]

    def _paint_jpeg(self, data: bytes, watch: Stopwatch) -> bytes:
        with watch.stage("decode"):
            frame = simplejpeg.decode_jpeg(data, "RGB")
        with watch.stage("model"):
            painted = self.paint(frame)
        with watch.stage("encode"):
            encoded: bytes = simplejpeg.encode_jpeg(painted, QUALITY, "RGB", "420")
        return encoded

    @torch.inference_mode()
    def paint(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:  # [H, W, 3] both ways
        x = torch.from_numpy(frame)[None].permute(0, 3, 1, 2)  # channels last, as it lies in memory
        painted: Tensor = self._network(x.to(self._dtype) / 255, self._style)
        pixels = (painted[0] * 255 + 0.5).to(torch.uint8).permute(1, 2, 0)
        return np.ascontiguousarray(pixels.numpy())


def load_network(path: Path) -> Network:
    network = Network()
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise Misconfigured(f"{path} doesn't hold this network's weights: {error}") from error
    dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    return network.eval().to(dtype).to(memory_format=torch.channels_last)


def cpu_has_bfloat16() -> bool:
    """Where it has, a frame takes less than half the time; where it hasn't, many times as long."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def load_style(data: bytes, network: Network) -> Tensor:  # [1, S]
    try:
        style: Tensor = load(data)[STYLE]
    except (SafetensorError, KeyError) as error:
        raise Reject(f"the style's weights can't be read: {error}") from error
    if style.shape != (network.style_size,) or not bool(style.isfinite().all()):
        raise Reject(f"the style's weights are {tuple(style.shape)}, not ({network.style_size},)")
    return style.float()[None]
