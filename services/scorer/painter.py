"""The scorer that paints: the network, the device it is on, and the style it is told."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from services.scorer.cpu_threads import cpu_threads
from services.scorer.cuda_graphs import CudaGraphs
from services.scorer.device import best_device, device_name
from services.scorer.network import PainterNetwork
from services.scorer.scorer import Picture, PictureScorer
from shared.errors import Misconfigured, Reject
from shared.logs import logger

log = logger()
STYLE = "style"
#: Beyond it a GPU is busy anyway.
LARGEST_BATCH = 16
#: From 720p up a pass takes no more than so many times the picture's bytes for each byte of the
#: weights' type. Smaller pictures take as much as 720p does.
PASS = 15


class Painter(PictureScorer):
    """On a CPU of one frame a batch: larger ones only fall out of the caches."""

    def __init__(self, network: PainterNetwork, style: Tensor) -> None:
        weights = next(network.parameters())
        self._style = style.to(weights)
        self._pass = pass_of(network)
        self.device = device_name(weights)
        on_cpu = weights.device.type == "cpu"
        self.batch = 1 if on_cpu else LARGEST_BATCH
        self.threads = cpu_threads(PASS * weights.element_size()) if on_cpu else None

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        """Where memory runs out in smaller batches, from then on."""
        painted: list[Picture] = []
        while len(painted) < len(values):
            batch = alike(values[len(painted) :])[: self.batch]
            try:
                painted += self._paint(batch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self.batch = len(batch) // 2
                log.warning("out of memory; smaller batches from now on", batch=self.batch)
        return painted

    def paint(self, frame: Picture) -> Picture:
        return self._paint([frame])[0]

    @torch.inference_mode()
    def _paint(self, frames: Sequence[Picture]) -> list[Picture]:
        pixels = torch.from_numpy(np.stack(frames)) if len(frames) > 1 else one(frames[0])
        return list(self._pass(pixels, self._style.expand(len(pixels), -1)).numpy())

    def report(self) -> dict[str, float | str]:
        return {"batch": self.batch, "at_once": self.threads.size if self.threads else 1}


@lru_cache(1)
def pass_of(network: PainterNetwork) -> Callable[[Tensor, Tensor], Tensor]:
    """From pixels [B, H, W, 3] and styles to pixels, on the host both; of one network at a time."""
    weights = next(network.parameters())

    def paint(pixels: Tensor, styles: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2)  # channels last, as it lies in memory
        painted: Tensor = network(x.to(weights.dtype) / 255, styles)
        # In float32: bfloat16 rounds 255.5 to 256, which is 0 in eight bits.
        return (painted.float() * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    return CudaGraphs(paint, weights.device) if weights.device.type == "cuda" else paint


def alike(frames: Sequence[Picture]) -> Sequence[Picture]:
    """The first ones, as long as they have one shape."""
    count = 0
    while count < len(frames) and frames[count].shape == frames[0].shape:
        count += 1
    return frames[:count]


def one(frame: Picture) -> Tensor:
    return torch.from_numpy(frame)[None]


def load_network(path: Path) -> PainterNetwork:
    network = PainterNetwork()
    load_weights(network, path)
    device, dtype = best_device()
    return network.eval().to(device, dtype).to(memory_format=torch.channels_last)


def load_weights(network: PainterNetwork, path: Path) -> None:
    try:
        network.load_state_dict({name: w.float() for name, w in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise Misconfigured(f"{path} doesn't hold this network's weights: {error}") from error


def mix_styles(
    styles: Mapping[str, bytes], shares: Mapping[str, float], network: PainterNetwork
) -> Tensor:
    """Several styles in one: a picture painted a little with each."""
    vectors = [load_style(data, network) * shares[name] for name, data in styles.items()]
    return torch.stack(vectors).sum(0)


def load_style(data: bytes, network: PainterNetwork) -> Tensor:  # [1, S]
    try:
        style: Tensor = load(data)[STYLE]
    except (SafetensorError, KeyError) as error:
        raise Reject(f"the style's weights can't be read: {error}") from error
    if style.shape != (network.style_size,):
        raise Reject(
            f"the style's weights are {tuple(style.shape)}, not ({network.style_size},): "
            "it was learnt for another network, and has to be learnt again"
        )
    if not bool(style.isfinite().all()):
        raise Reject("the style's weights aren't all numbers")
    return style.float()[None]


def save_style(vector: Tensor) -> bytes:
    """In half precision: the painter works in no more."""
    return save({STYLE: vector.detach().half().contiguous()})
