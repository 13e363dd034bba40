"""Teach the painter its styles: `python -m services.scorer.training --help`.

Perceptual losses (Johnson et al. 2016), one style vector a painting (Dumoulin et al. 2017), and a
term that keeps the picture still when only noise has changed.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F  # noqa: N812

from services.scorer.network import Painter
from services.scorer.painter import STYLE
from services.scorer.settings import WEIGHTS
from services.scorer.training import pictures
from services.scorer.training.eye import STYLE_LAYERS, Eye

#: The part of the training over which style comes to its full weight: a painter that is pressed
#: for style before it can see paints wallpaper.
RIPENING = 0.08
NOISE = 0.03
SMOOTH_WEIGHT = 0.5
#: With the rim that the eye leaves out, no more than the margin when it paints for others.
JUDGED_MARGIN = 32


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paintings", type=Path, nargs="+", help="a jpg each; its stem names it")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of jpgs to paint")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights; torchvision's download if unset")
    parser.add_argument("--start", type=Path, help="go on from the weights in this folder")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--size", type=int, default=224, help="of the crops, in pixels")
    parser.add_argument("--painting-size", type=int, default=320, help="of the shorter side")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--style-weight", type=float, default=1.0)
    parser.add_argument("--steady-weight", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


class Studio:
    """The painter, and the vectors of the styles that it learns."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.painter = Painter(JUDGED_MARGIN).to(memory_format=torch.channels_last)
        self.styles = nn.Parameter(torch.randn(len(names), self.painter.style_size) * 0.1)

    def load(self, folder: Path) -> None:
        self.painter.load_state_dict(load_file(folder / "network.safetensors"))
        vectors = [load_file(self._path(folder, name))[STYLE] for name in self.names]
        self.styles.data.copy_(torch.stack(vectors))

    def save(self, folder: Path) -> None:
        (folder / "styles").mkdir(parents=True, exist_ok=True)
        weights = {key: value.contiguous() for key, value in self.painter.state_dict().items()}
        save_file(weights, folder / "network.safetensors")
        for name, vector in zip(self.names, self.styles.detach(), strict=True):
            save_file({STYLE: vector.clone()}, self._path(folder, name))

    def optimiser(self) -> torch.optim.Optimizer:
        """A style's few numbers learn faster than the network that they steer."""
        return torch.optim.Adam(
            [
                {"params": self.painter.parameters(), "lr": 1.5e-3},
                {"params": [self.styles], "lr": 1e-2},
            ]
        )

    @staticmethod
    def _path(folder: Path, name: str) -> Path:
        return folder / "styles" / f"{name}.safetensors"


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    eye = Eye(args.vgg)
    paintings = [pictures.shrunk(pictures.read(p), args.painting_size) for p in args.paintings]
    manners = [eye.manner(painting) for painting in paintings]
    studio = Studio([path.stem for path in args.paintings])
    if args.start:
        studio.load(args.start)
    optimiser = studio.optimiser()
    rates = [group["lr"] for group in optimiser.param_groups]
    photos = pictures.crops(sorted(args.photos.glob("*.jpg")), args.size, args.batch, args.seed)
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60 / args.minutes) < 1:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / 50) * (1 - spent) ** 0.7
        batch = next(photos)
        which = [(step * args.batch + n) % len(manners) for n in range(args.batch)]
        noisy = batch + torch.randn_like(batch) * NOISE
        with torch.autocast("cpu", torch.bfloat16):
            both = studio.painter(torch.cat([batch, noisy]), studio.styles[which * 2])
        painted, again = both.chunk(2)
        wanted = {layer: torch.cat([manners[n][layer] for n in which]) for layer in STYLE_LAYERS}
        content, style = eye.judge(painted, batch, wanted)
        steady = F.mse_loss(again, painted) / NOISE**2
        smooth = painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()
        taste = args.style_weight * style + args.steady_weight * steady + SMOOTH_WEIGHT * smooth
        loss = content + min(1.0, spent / RIPENING) * taste
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(studio.painter.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 50 == 0:
            figures = {"content": content, "style": style, "steady": steady, "smooth": smooth}
            rounded = {name: round(value.item(), 4) for name, value in figures.items()}
            print(json.dumps({"step": step, "spent": round(spent, 3)} | rounded), flush=True)
        if step % 200 == 0:
            studio.save(args.out)
    studio.save(args.out)


if __name__ == "__main__":
    main()
