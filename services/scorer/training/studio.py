"""The painter and the styles that it learns, and the folder that they are kept in."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from services.scorer.network import Painter
from services.scorer.painter import STYLE
from services.scorer.training.muon import Muon

#: With the rim that the eye leaves out, less than the margin when it paints for others.
JUDGED_MARGIN = 16
NETWORK = "network.safetensors"


class Studio:
    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.painter = Painter(JUDGED_MARGIN).to(memory_format=torch.channels_last)
        self.styles = nn.Parameter(torch.randn(len(names), self.painter.style_size) * 0.1)

    def load(self, folder: Path) -> None:
        """A style that isn't there starts as the mean of those that are."""
        state = {name: value.float() for name, value in load_file(folder / NETWORK).items()}
        self.painter.load_state_dict(state)
        there = {p.stem: load_file(p)[STYLE].float() for p in (folder / "styles").iterdir()}
        mean = torch.stack(list(there.values())).mean(0)
        self.styles.data.copy_(torch.stack([there.get(name, mean) for name in self.names]))

    def save(self, folder: Path) -> None:
        """In half precision: the painter works in no more."""
        (folder / "styles").mkdir(parents=True, exist_ok=True)
        state = self.painter.state_dict()
        save_file({k: v.half().contiguous() for k, v in state.items()}, folder / NETWORK)
        for name, vector in zip(self.names, self.styles.detach(), strict=True):
            save_file({STYLE: vector.half()}, folder / "styles" / f"{name}.safetensors")

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """Muon for what mixes channels; a style's few numbers learn faster than what they steer."""
        kernels = [p for p in self.painter.parameters() if p.ndim == 4]
        others = [p for p in self.painter.parameters() if p.ndim != 4]
        return [
            Muon(kernels, lr=MUON_RATE),
            torch.optim.Adam(
                [{"params": others, "lr": 1.5e-3}, {"params": [self.styles], "lr": 1e-2}]
            ),
        ]


MUON_RATE = 8e-3
