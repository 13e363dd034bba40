"""The styles and the network during training: what learns, and how it is saved and loaded."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from workloads.video.scoring.coarse import NOISES, STRIDE
from workloads.video.scoring.layers import space_to_depth
from workloads.video.scoring.network import PainterNetwork, halved
from workloads.video.scoring.painter import STYLE, load_weights, save_style

#: Less than the network's usual margin, because a crop's rim isn't compared.
TRAINING_MARGIN = 8
NETWORK = "network.safetensors"
STYLES = "styles"
#: The decay of the weights' moving average.
DECAY = 0.998


class TrainableStyles:
    """Style vectors and their network, which learns as well unless it is frozen."""

    def __init__(self, names: list[str], frozen: bool = False) -> None:
        self.names = names
        self._frozen = frozen
        self.network = PainterNetwork(TRAINING_MARGIN).to(memory_format=torch.channels_last)
        self.network.requires_grad_(not frozen)
        self.styles = nn.Parameter(torch.zeros(len(names), self.network.style_size))
        self._average = copies(self._weights())

    def paint(self, frames: Tensor, style: Tensor) -> Tensor:
        """Paint frames without resizing them, all with the same noise."""
        parts = space_to_depth(frames)
        small = halved(parts)
        rough = self.network.rough(small, style, noise_for(small))
        painted: Tensor = self.network.fine(parts, rough.float(), style)
        return painted.float()

    def load_network(self, path: Path) -> None:
        load_weights(self.network, path)
        self._average = copies(self._weights())

    def load(self, folder: Path) -> None:
        """Load weights; a style that the folder doesn't have starts as the mean of all."""
        self.load_network(folder / NETWORK)
        found = styles_in(folder)
        mean = torch.stack(list(found.values())).mean(0)
        self.start_from(torch.stack([found.get(name, mean) for name in self.names]))

    def start_from(self, styles: Tensor) -> None:
        self.styles.data.copy_(styles)
        self._average = copies(self._weights())

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Update the moving average of the weights, which paints better than any one step's.

        The decay grows to its full value, so that the first steps don't count for long.
        """
        share = 1 - min(DECAY, (1 + step) / (10 + step))
        for name, weight in self._weights().items():
            self._average[name].lerp_(weight, share)

    @property
    def vectors(self) -> Tensor:
        return self._average[STYLES]

    def save(self, folder: Path) -> None:
        (folder / STYLES).mkdir(parents=True, exist_ok=True)
        network = {name: w.half().contiguous() for name, w in self._average.items()}
        vectors = network.pop(STYLES)
        save_file(network, folder / NETWORK)
        for name, vector in zip(self.names, vectors, strict=True):
            (folder / STYLES / f"{name}.safetensors").write_bytes(save_style(vector))

    def state(self) -> dict[str, Any]:
        """The checkpoint from which training can continue."""
        return {
            "painter": self.network.state_dict(),
            "styles": self.styles.data,
            "average": self._average,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["painter"])
        self.styles.data.copy_(state["styles"])
        self._average = state["average"]

    def _weights(self) -> dict[str, Tensor]:
        """The trained weights."""
        network = {} if self._frozen else self.network.state_dict()
        return {**network, STYLES: self.styles.detach()}

    def optimiser(self) -> torch.optim.Adam:
        """Adam, with a higher rate for the styles than for the network."""
        groups = [{"params": [self.styles], "lr": 1e-2}]
        if not self._frozen:
            groups.append({"params": list(self.network.parameters()), "lr": 1e-3})
        return torch.optim.Adam(groups, betas=(0.9, 0.99), fused=True)


def noise_for(frames: Tensor) -> Tensor:
    height, width = (-(-(side + 2 * TRAINING_MARGIN) // STRIDE) * 2 for side in frames.shape[2:])
    return torch.randn(1, NOISES, height, width).expand(len(frames), -1, -1, -1)


def copies(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in weights.items()}


def styles_in(folder: Path) -> dict[str, Tensor]:
    paths = sorted((folder / STYLES).glob("*.safetensors"))
    return {path.stem: load_file(path)[STYLE].float() for path in paths}
