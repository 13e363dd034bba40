"""Teach the painter its styles: `python -m services.scorer.train --help`.

Perceptual losses on VGG16 (Johnson et al. 2016), one style vector a painting
(Dumoulin et al. 2017), and a term that keeps the picture still under noise.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models import VGG16_Weights, vgg16

from services.scorer.network import Painter

STYLE_LAYERS = {3: 1.0, 8: 1.0, 15: 1.0, 22: 1.0}  # relu1_2, relu2_2, relu3_3, relu4_3
CONTENT_LAYER = 15
#: The part of the training over which style comes to its full weight.
RIPENING = 0.08
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


class Eye(nn.Module):
    """VGG16's features, up to the last layer that a loss looks at."""

    def __init__(self, weights: Path | None) -> None:
        super().__init__()
        net = vgg16(weights=VGG16_Weights.IMAGENET1K_V1 if weights is None else None).features
        if weights is not None:
            net.load_state_dict(
                {k.removeprefix("features."): v.float() for k, v in load_file(weights).items()}
            )
        self.layers = net[: max(STYLE_LAYERS) + 1].eval().requires_grad_(False)

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        x = ((images - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        seen = {}
        with torch.autocast("cpu", torch.bfloat16):
            for index, layer in enumerate(self.layers):
                x = F.relu(x) if isinstance(layer, nn.ReLU) else layer(x)
                if index in STYLE_LAYERS:
                    seen[index] = x.float()
        return seen


def gram(features: Tensor) -> Tensor:  # [B, C, H, W] -> [B, C, C]
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def read_image(path: Path) -> Tensor:  # [1, 3, H, W] in 0…1
    pixels: np.ndarray = simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def shorter_side(image: Tensor, size: int) -> Tensor:
    scale = size / min(image.shape[2:])
    return F.interpolate(image, scale_factor=scale, mode="bilinear", antialias=True).clamp(0, 1)


def crops(photos: list[Path], size: int, batch: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of square crops, each at a scale of its own."""
    chance = random.Random(seed)
    images = [read_image(path) for path in photos]
    while True:
        picked = []
        for _ in range(batch):
            image = chance.choice(images)
            side = chance.randint(size, max(size, min(image.shape[2:])))
            top = chance.randint(0, image.shape[2] - side) if image.shape[2] > side else 0
            left = chance.randint(0, image.shape[3] - side) if image.shape[3] > side else 0
            crop = image[:, :, top : top + side, left : left + side]
            if chance.random() < 0.5:
                crop = crop.flip(3)
            picked.append(F.interpolate(crop, (size, size), mode="bilinear", antialias=True))
        yield torch.cat(picked).clamp(0, 1)


def save(painter: Painter, styles: nn.Embedding, names: list[str], out: Path) -> None:
    (out / "styles").mkdir(parents=True, exist_ok=True)
    save_file(
        {k: v.contiguous() for k, v in painter.state_dict().items()}, out / "network.safetensors"
    )
    for index, name in enumerate(names):
        vector = styles.weight.detach()[index].clone()
        save_file({"style": vector}, out / "styles" / f"{name}.safetensors")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paintings", type=Path, nargs="+", help="a jpg each; its stem names it")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of jpgs to paint")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights; torchvision's download if unset")
    parser.add_argument("--out", type=Path, default=Path("services/scorer/weights"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--style-size", type=int, default=320)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--style-weight", type=float, default=1.0)
    parser.add_argument("--steady-weight", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    names = [path.stem for path in args.paintings]
    eye = Eye(args.vgg).to(memory_format=torch.channels_last)
    with torch.no_grad():
        targets = {
            index: torch.cat(grams)
            for index, grams in zip(
                STYLE_LAYERS,
                zip(
                    *(
                        [
                            gram(f)
                            for f in eye(shorter_side(read_image(p), args.style_size)).values()
                        ]
                        for p in args.paintings
                    ),
                    strict=True,
                ),
                strict=True,
            )
        }
    painter = Painter().to(memory_format=torch.channels_last)
    styles = nn.Embedding(len(names), painter.style_size)
    nn.init.normal_(styles.weight, std=0.1)
    optimiser = torch.optim.Adam(
        [
            {"params": painter.parameters(), "lr": 1.5e-3},
            {"params": styles.parameters(), "lr": 1e-2},
        ]
    )
    batches = crops(sorted(args.photos.glob("*.jpg")), args.size, args.batch, args.seed)
    rates = [group["lr"] for group in optimiser.param_groups]
    started, step = time.monotonic(), 0
    while (spent := (time.monotonic() - started) / 60 / args.minutes) < 1:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / 50) * (1 - spent) ** 0.7
        photos = next(batches).contiguous(memory_format=torch.channels_last)
        which = torch.arange(step * args.batch, (step + 1) * args.batch) % len(names)
        noise = torch.randn_like(photos) * 0.03
        with torch.autocast("cpu", torch.bfloat16):
            both = painter(torch.cat([photos, photos + noise]), styles(which).repeat(2, 1))
        painted, again = both.chunk(2)
        with torch.no_grad():
            wanted = eye(photos)[CONTENT_LAYER]
        seen = eye(painted)
        content = F.mse_loss(seen[CONTENT_LAYER], wanted) / wanted.pow(2).mean()
        style = sum(
            weight
            * (
                (gram(seen[i]) - targets[i][which]).pow(2).sum((1, 2))
                / targets[i][which].pow(2).sum((1, 2))
            ).mean()
            for i, weight in STYLE_LAYERS.items()
        )
        steady = F.mse_loss(again, painted) / 0.03**2
        smooth = (painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()) * 0.5
        # Learn to see before learning to paint: styles forced on noise collapse into wallpaper.
        ripe = min(1.0, spent / RIPENING)
        loss = content + ripe * (args.style_weight * style + args.steady_weight * steady + smooth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 50 == 0 or step < 5:
            figures = {"content": content, "style": style, "steady": steady, "smooth": smooth}
            rounded = {k: round(v.item(), 4) for k, v in figures.items()}
            print(json.dumps({"step": step, "spent": round(spent, 3), **rounded}), flush=True)
        if step % 200 == 0:
            save(painter, styles, names, args.out)
    save(painter, styles, names, args.out)


if __name__ == "__main__":
    main()
