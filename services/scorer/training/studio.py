"""The painter and the styles that it learns, and the folder that they are kept in."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from services.scorer.network import Painter
from services.scorer.painter import STYLE, load_weights, save_style
from services.scorer.training.muon import Muon

#: With the rim that the eye leaves out, less than the margin when it paints for others.
JUDGED_MARGIN = 16
NETWORK = "network.safetensors"
STYLES = "styles"
#: Of the average, what is left of it after a step.
MEMORY = 0.998


class Studio:
    """With `frozen` set, only the styles learn."""

    def __init__(self, names: list[str], frozen: bool = False) -> None:
        self.names = names
        self._frozen = frozen
        self.painter = Painter(JUDGED_MARGIN).to(memory_format=torch.channels_last)
        self.painter.requires_grad_(not frozen)
        self.styles = nn.Parameter(torch.randn(len(names), self.painter.style_size) * 0.1)
        self._average = copies(self._weights())

    def load_network(self, path: Path) -> None:
        load_weights(self.painter, path)
        self._average = copies(self._weights())

    def load(self, folder: Path) -> None:
        """A style that isn't there starts as the mean of those that are."""
        self.load_network(folder / NETWORK)
        there = styles_in(folder)
        mean = torch.stack(list(there.values())).mean(0)
        self.start_from(torch.stack([there.get(name, mean) for name in self.names]))

    def start_from(self, styles: Tensor) -> None:
        self.styles.data.copy_(styles)
        self._average = copies(self._weights())

    @torch.no_grad()
    def average(self, step: int) -> None:
        """The last steps' mean paints better than any of them; short at first, then longer."""
        share = 1 - min(MEMORY, (1 + step) / (10 + step))
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

    def _weights(self) -> dict[str, Tensor]:
        """Those that learn."""
        network = {} if self._frozen else self.painter.state_dict()
        return {**network, STYLES: self.styles.detach()}

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """Muon for what mixes channels; a style's few numbers learn faster than what they steer."""
        vectors = torch.optim.Adam([self.styles], lr=1e-2)
        if self._frozen:
            return [vectors]
        kernels = [p for p in self.painter.parameters() if p.ndim == 4]
        others = [p for p in self.painter.parameters() if p.ndim != 4]
        return [Muon(kernels, lr=8e-3), torch.optim.Adam(others, lr=1.5e-3), vectors]


def copies(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in weights.items()}


def styles_in(folder: Path) -> dict[str, Tensor]:
    paths = sorted((folder / STYLES).glob("*.safetensors"))
    return {path.stem: load_file(path)[STYLE].float() for path in paths}
