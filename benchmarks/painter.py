"""The painter beside what it has to beat, in one run on one machine: a part of `make bench`.

Needs VGG16's weights and the folder of photos that the recipe names: VGG=… PHOTOS=…; what can't be
measured without them is left out, and said.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import simplejpeg
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import quality, reference
from benchmarks.steadiness import warping_error
from services.console import accounts, azurite
from services.console.stack import Lifeline
from services.scorer.line import Line
from services.scorer.network import Painter as Network
from services.scorer.painter import Painter, load_network, load_style, save_style
from services.scorer.scorer import QUALITY, Picture
from services.scorer.settings import WEIGHTS, ScorerSettings
from services.scorer.stopwatch import Stopwatch
from services.scorer.training import pictures
from services.scorer.training.eye import Eye
from services.scorer.training.learner import HERE, Learner
from services.scorer.training.recipe import Recipe
from services.scorer.training.studio import NETWORK, styles_in
from shared import logs
from shared.shards import SHARD_ITEMS, Item, pack
from shared.storage import Storage

CLIP = Path("deploy/sample/bigbuckbunny.mp4")
NEW = Path("deploy/sample/ejiri.jpg")
ROUNDS = 5
SHARDS = 2
MATRIX = 4096
FILM_HEIGHT = 360


class Row(NamedTuple):
    what: str
    wanted: str
    found: str


def frames_of(clip: Path, height: int = 720) -> list[Picture]:
    with av.open(str(clip)) as container:
        width = round(container.streams.video[0].width * height / container.streams.video[0].height)
        size = {"width": width - width % 2, "height": height}
        small = [f.reformat(**size, format="rgb24") for f in container.decode(video=0)]
    return [frame.to_ndarray().astype(np.uint8) for frame in small]


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def paired(*calls: Callable[[], object]) -> list[float]:
    """The median of each, taken in turns, so that the machine's moods are shared."""
    for call in calls:
        call()
    rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def speed(painter: Painter, network: Network, storage: Storage) -> list[Row]:
    frames = frames_of(CLIP)[: SHARDS * SHARD_ITEMS]
    jpegs = [simplejpeg.encode_jpeg(frame, QUALITY, "RGB", "420") for frame in frames]
    shards = storage.container("frames"), storage.container("scored")
    for n in range(SHARDS):
        part = jpegs[n * SHARD_ITEMS : (n + 1) * SHARD_ITEMS]
        items = [Item(f"{m:06}.jpg", data) for m, data in enumerate(part)]
        shards[0].write(f"{n}.tar", pack(items))

    def from_shard_to_shard() -> None:
        line = Line(painter, lambda n: shards[0].read(f"{n}.tar"), Stopwatch())
        with closing(line.run(range(SHARDS))) as scored:
            for n, made in scored:
                shards[1].write(f"{n}.tar", pack(made))

    theirs = reference.Reference().eval()
    matrix = torch.randn(MATRIX, MATRIX).to(next(network.parameters()))
    few = frames[:4]
    slow, line, bare, product = paired(
        partial(reference.loop, theirs, jpegs[:1]),
        from_shard_to_shard,
        lambda: [painter.paint(frame) for frame in frames],
        lambda: matrix @ matrix,
    )
    with FlopCounterMode(display=False) as counter:
        painter.paint(few[0])
    flops, their_best = counter.get_total_flops() * len(frames) / bare, 2 * MATRIX**3 / product
    line, bare = line / len(frames), bare / len(frames)
    return [
        Row(
            "frames/s at 720p, from shard to shard, over the reference network's loop",
            "≥ 12",
            f"{slow / line:.1f} ({1 / line:.2f} over {1 / slow:.2f})",
        ),
        Row(
            "frames/s from shard to shard over the bare model's",
            "≥ 0.90",
            f"{bare / line:.2f} ({1 / line:.2f} over {1 / bare:.2f})",
        ),
        Row(
            "FLOP/s over a large matrix product's in the same precision",
            "≥ 0.4",
            f"{flops / their_best:.2f} ({flops / 1e9:.0f} over {their_best / 1e9:.0f} GFLOP/s)",
        ),
    ]


class Judge:
    """Measures style and content on the photos that were kept out."""

    def __init__(self, vgg: Path, photos: Path) -> None:
        self.eye = Eye(vgg)
        self.photos = quality.kept_out(photos, Recipe.of(WEIGHTS).stages[0].kept_out)

    def of(self, network: Network, style: Tensor, painting: Path) -> quality.Quality:
        return quality.quality(self.eye, network, style, pictures.read(painting), self.photos)

    def mean(self, folder: Path, network: Network) -> tuple[quality.Quality, list[str]]:
        found = {
            name: self.of(network, vector[None], HERE / "paintings" / f"{name}.jpg")
            for name, vector in styles_in(folder).items()
        }
        mean = quality.Quality(*(statistics.fmean(v) for v in zip(*found.values(), strict=True)))
        return mean, [f"{name} {q.gram:.2f} at {q.content:.2f}" for name, q in found.items()]


def steadiness(network: Network, clips: list[Path]) -> Row:
    """Beside the plain films': that of the same recipe without steadiness has yet to be trained."""
    films = [frames_of(clip, FILM_HEIGHT)[-60:] for clip in clips]
    plain = statistics.fmean(warping_error(film, lambda frame: frame) for film in films)
    ours = statistics.fmean(
        warping_error(film, Painter(network, vector[None]).paint)
        for vector in styles_in(WEIGHTS).values()
        for film in films
    )
    return Row(
        f"warping error on {len(films)} clips, ×10⁻³ (the plain clips')",
        "half of that without steadiness",
        f"{ours * 1e3:.2f} ({plain * 1e3:.2f}); without steadiness: not trained yet",
    )


def learning(judge: Judge, network: Network, trained: quality.Quality, vgg: Path) -> Row:
    learner: list[Learner] = []

    def learn() -> None:
        learner.append(Learner(ScorerSettings(eye=vgg), pictures.read(NEW)))
        for _ in learner[0].practise():
            pass

    took = seconds(learn)
    style = load_style(save_style(learner[0].vector), network)
    found = judge.of(network, style, NEW)
    return Row(
        f"learning {NEW.stem}: Gram distance over the trained styles'",
        "≤ 1.2 in ≤ 15 min",
        f"{found.gram / trained.gram:.2f} in {took / 60:.1f} min"
        f" ({found.gram:.2f} at content {found.content:.2f})",
    )


def rows(storage: Storage, vgg: Path | None, photos: Path | None, clips: list[Path]) -> list[Row]:
    network = load_network(WEIGHTS / NETWORK)
    painter = Painter(
        network, load_style((WEIGHTS / "styles/great-wave.safetensors").read_bytes(), network)
    )
    found = speed(painter, network, storage)
    if not (vgg and photos):
        print("VGG or PHOTOS isn't there: style, steadiness and learning are left out")
        return found
    judge = Judge(vgg, photos)
    trained, each = judge.mean(WEIGHTS, network)
    found.append(
        Row(
            "Gram distance over the plain photo's, and content's error; mean of the styles",
            "≤ 0.22 at ≤ 1.0",
            f"{trained.gram:.2f} at {trained.content:.2f} ({'; '.join(each)})",
        )
    )
    found.append(steadiness(network, clips))
    found.append(learning(judge, network, trained, vgg))
    return found


def there(name: str) -> Path | None:
    path = Path(os.environ.get(name, ""))
    return path if name in os.environ and path.exists() else None


def main() -> None:
    logs.configure("bench", "warning")
    lifeline = Lifeline()
    carphone = there("CLIP")
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        local = accounts.make(folder)
        store = azurite.start(local, folder / "azurite", folder / "azurite.log", lifeline.end)
        try:
            storage = Storage(local.settings())
            storage.prepare()
            clips = [CLIP, *([carphone] if carphone else [])]
            found = rows(storage, there("VGG"), there("PHOTOS"), clips)
        finally:
            store.terminate()
            store.wait()
            lifeline.cut()
    print("\n| | must reach | reached |\n|---|---|---|")
    for row in found:
        print(f"| {row.what} | {row.wanted} | {row.found} |")


if __name__ == "__main__":
    main()
