"""Learns one painting: trains a style's vector and leaves the network unchanged."""

from collections.abc import Iterator

import torch
from torch import Tensor

from workloads.video.scoring.device import autocast_on_cpu, use_threads
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import load_style
from workloads.video.settings import WEIGHTS, ScoringSettings
from workloads.video.training import pictures
from workloads.video.training.losses import (
    PaintingFeatures,
    compare,
    painting_features,
    photo_features,
)
from workloads.video.training.recipe import TrainingSettings
from workloads.video.training.shipped_pictures import photos_to_tint, practice_photos
from workloads.video.training.trainable_styles import TrainableStyles, styles_in
from workloads.video.training.training_loop import TrainingLoop
from workloads.video.training.vgg import Vgg, load_vgg


class StyleLearner:
    def __init__(self, settings: ScoringSettings, painting: Tensor) -> None:
        use_threads(settings.threads)
        torch.manual_seed(0)
        vgg = load_vgg(settings.vgg_weights)
        training = TrainingSettings(steps=settings.learning_steps)
        self._photos = practice_photos(training.lines)
        self._styles = TrainableStyles(["new"], frozen=True)
        self._styles.load_network(settings.network)
        crops = photos_to_tint(self._photos, training)
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


@torch.no_grad()
def nearest(styles: TrainableStyles, vgg: Vgg, painting: PaintingFeatures, photo: Tensor) -> Tensor:
    """The shipped style whose picture is the most similar to the painting."""
    shipped = list(styles_in(WEIGHTS).values())
    distances = []
    seen = photo_features(vgg, photo, painting, size=1)
    for vector in shipped:
        with autocast_on_cpu():
            painted = styles.paint(photo, vector[None])
        losses = compare(vgg, painted, seen, painting, size=1)
        distances.append(float(losses.patches + losses.gram + losses.colour))
    return shipped[distances.index(min(distances))]
