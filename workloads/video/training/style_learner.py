"""Learns one painting: trains a style's vector and leaves the network unchanged."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from shared.errors import Misconfigured
from workloads.video.scoring.device import autocast_on_cpu, use_threads
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import load_style
from workloads.video.settings import WEIGHTS, ScoringSettings
from workloads.video.training import pictures
from workloads.video.training.losses import PaintingFeatures, compare, painting_features
from workloads.video.training.recipe import TrainingSettings
from workloads.video.training.trainable_styles import TrainableStyles, styles_in
from workloads.video.training.training_loop import TrainingLoop
from workloads.video.training.vgg import Vgg

#: The paintings of the shipped styles.
PAINTINGS = Path(__file__).parent / "paintings"
#: The pictures to train on: paintings show as many kinds of things as photos do.
PRACTICE = [*PAINTINGS.glob("*.jpg"), *PAINTINGS.with_name("practice").glob("*.jpg")]
#: The side, in pixels, of the crops that decide which shipped style learning starts from, and that
#: stand for photos in the painting's colours.
COMPARED = 192


class StyleLearner:
    def __init__(self, settings: ScoringSettings, painting: Tensor) -> None:
        use_threads(settings.threads)
        torch.manual_seed(0)
        vgg = load_vgg(settings.vgg_weights)
        training = TrainingSettings(steps=settings.learning_steps)
        self._photos = [
            pictures.at_lines(pictures.read(path), training.lines) for path in sorted(PRACTICE)
        ]
        self._styles = TrainableStyles(["new"], frozen=True)
        self._styles.load_network(settings.network)
        count = len(self._photos)
        crops = next(pictures.crops(self._photos, COMPARED, count, training.seed))
        features = painting_features(vgg, pictures.at_lines(painting, training.lines), crops)
        self._styles.start_from(nearest(self._styles, vgg, features, crops[0])[None])
        self._loop = TrainingLoop(self._styles, vgg, [features], training)

    @property
    def vector(self) -> Tensor:
        return self._styles.vectors[0]

    @property
    def network(self) -> PainterNetwork:
        return self._styles.network

    def resume(self, vector: bytes) -> None:
        self._styles.start_from(load_style(vector, self._styles.network))

    def run(self, done: int = 0) -> Iterator[int]:
        """Train, and yield the number of each finished step."""
        for step, _ in self._loop.run(self._photos, done):
            yield step


def load_vgg(weights: Path | None) -> Vgg:
    try:
        return Vgg(weights)
    except (OSError, URLError) as error:
        raise Misconfigured(
            f"learning a style needs VGG16's weights, which can't be loaded: {error}; "
            "set IMPASTO_VGG_WEIGHTS to a file of them"
        ) from error


@torch.no_grad()
def nearest(styles: TrainableStyles, vgg: Vgg, painting: PaintingFeatures, photo: Tensor) -> Tensor:
    """The shipped style whose picture is the most similar to the painting."""
    shipped = list(styles_in(WEIGHTS).values())
    distances = []
    for vector in shipped:
        with autocast_on_cpu():
            painted = styles.paint(photo, vector[None])
        losses = compare(vgg, painted, photo, painting, size=1)
        distances.append(float(losses.patches + losses.gram + losses.colour))
    return shipped[distances.index(min(distances))]
