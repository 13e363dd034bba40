"""The scorer that paints: runs the network, with one style, on this machine's best device."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from shared.errors import Misconfigured, Reject
from shared.logs import logger
from workloads.video.scoring.cpu_threads import cpu_threads
from workloads.video.scoring.cuda_graphs import CudaGraphs
from workloads.video.scoring.device import best_device, device_name
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.picture_scorer import Picture, PictureScorer

log = logger()
STYLE = "style"
#: A larger batch doesn't make a GPU faster.
LARGEST_BATCH = 16
#: An upper bound of a pass's memory, from 720p up: so many times the picture's bytes, for each byte
#: of the weights' type. Smaller pictures take as much as 720p.
PASS_MEMORY = 15


class Painter(PictureScorer):
    """On a CPU, batches have one frame: larger ones don't fit into its caches."""

    def __init__(self, network: PainterNetwork, style: Tensor) -> None:
        weights = next(network.parameters())
        self._style = style.to(weights)
        self._pass = forward_pass(network)
        self.device = device_name(weights)
        on_cpu = weights.device.type == "cpu"
        self.batch = 1 if on_cpu else LARGEST_BATCH
        self.threads = cpu_threads(PASS_MEMORY * weights.element_size()) if on_cpu else None

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        """If memory runs out, batches are halved from then on."""
        painted: list[Picture] = []
        while len(painted) < len(values):
            batch = same_shape(values[len(painted) :])[: self.batch]
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
        single = torch.from_numpy(frames[0])[None]
        pixels = torch.from_numpy(np.stack(frames)) if len(frames) > 1 else single
        return list(self._pass(pixels, self._style.expand(len(pixels), -1)).numpy())

    def report(self) -> dict[str, float | str]:
        return {"batch": self.batch, "at_once": self.threads.size if self.threads else 1}


@lru_cache(1)
def forward_pass(network: PainterNetwork) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from pixels [B, H, W, 3] and styles [B, S] to painted pixels, in host memory.

    It is cached for one network at a time, with its CUDA graphs.
    """
    weights = next(network.parameters())

    def paint(pixels: Tensor, styles: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2)  # a view, whose memory format is channels last
        painted: Tensor = network(x.to(weights.dtype) / 255, styles)
        # In float32, because bfloat16 rounds 255.5 to 256, which is 0 in eight bits.
        return (painted.float() * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    return CudaGraphs(paint, weights.device) if weights.device.type == "cuda" else paint


def same_shape(frames: Sequence[Picture]) -> Sequence[Picture]:
    """The first frames that all have the same shape."""
    count = 0
    while count < len(frames) and frames[count].shape == frames[0].shape:
        count += 1
    return frames[:count]


def load_network(path: Path) -> PainterNetwork:
    network = PainterNetwork()
    load_weights(network, path)
    device, dtype = best_device()
    return network.eval().to(device, dtype).to(memory_format=torch.channels_last)


def load_weights(network: PainterNetwork, path: Path) -> None:
    try:
        network.load_state_dict({name: w.float() for name, w in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise Misconfigured(f"{path} doesn't contain this network's weights: {error}") from error


def mix_styles(
    styles: Mapping[str, bytes], shares: Mapping[str, float], network: PainterNetwork
) -> Tensor:
    """The weighted sum of several styles."""
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
            "it was learnt for another network and has to be learnt again"
        )
    if not bool(style.isfinite().all()):
        raise Reject("the style's weights aren't all finite")
    return style.float()[None]


def save_style(vector: Tensor) -> bytes:
    """In half precision, which is all that the painter uses."""
    return save({STYLE: vector.detach().half().contiguous()})
