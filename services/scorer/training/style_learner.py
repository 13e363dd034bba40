"""Learning one painting: a style's vector is fitted to it, and the network stays as it is."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from services.scorer.device import use_threads
from services.scorer.network import PainterNetwork
from services.scorer.painter import load_style
from services.scorer.settings import WEIGHTS, ScorerSettings
from services.scorer.training import pictures
from services.scorer.training.losses import PaintingFeatures, compare, painting_features
from services.scorer.training.recipe import TrainingSettings
from services.scorer.training.trainable_styles import Learning, TrainableStyles, styles_in
from services.scorer.training.training_loop import TrainingLoop
from services.scorer.training.vgg import Vgg
from shared.errors import Misconfigured

#: Of the styles that it comes with.
PAINTINGS = Path(__file__).parent / "paintings"
#: What is painted for practice: paintings have as many kinds of things in them as photos have.
PRACTICE = [*PAINTINGS.glob("*.jpg"), *PAINTINGS.with_name("practice").glob("*.jpg")]


class StyleLearner:
    """A painting, and a vector on its way to it."""

    def __init__(self, settings: ScorerSettings, painting: Tensor) -> None:
        use_threads(settings.threads)
        torch.manual_seed(0)
        vgg = load_vgg(settings.vgg_weights)
        recipe = TrainingSettings(steps=settings.learning_steps, learning=Learning.STYLES)
        self._photos = [
            pictures.at_lines(pictures.read(path), recipe.lines) for path in sorted(PRACTICE)
        ]
        self._styles = TrainableStyles(["new"], Learning.STYLES)
        self._styles.load_network(settings.network)
        wish = painting_features(vgg, pictures.at_lines(painting, recipe.lines))
        self._styles.start_from(nearest(self._styles, vgg, wish, self._photos[0])[None])
        self._lesson = TrainingLoop(self._styles, vgg, [wish], recipe)

    @property
    def vector(self) -> Tensor:
        return self._styles.vectors[0]

    @property
    def network(self) -> PainterNetwork:
        return self._styles.network

    def resume(self, vector: bytes) -> None:
        self._styles.start_from(load_style(vector, self._styles.network))

    def run(self, done: int = 0) -> Iterator[int]:
        """The number of every step when it is done."""
        for step, _ in self._lesson.run(self._photos, done):
            yield step


def load_vgg(weights: Path | None) -> Vgg:
    try:
        return Vgg(weights)
    except (OSError, URLError) as error:
        raise Misconfigured(
            f"learning needs VGG16's weights, and they can't be had: {error}; "
            "name a file of them in IMPASTO_VGG_WEIGHTS"
        ) from error


@torch.no_grad()
def nearest(styles: TrainableStyles, vgg: Vgg, wish: PaintingFeatures, photo: Tensor) -> Tensor:
    """Of the styles that the network knows, the one whose picture is most like the painting."""
    known = list(styles_in(WEIGHTS).values())
    found = []
    for vector in known:
        with torch.autocast("cpu", torch.bfloat16):
            painted = styles.paint(photo, vector[None])
        seen = compare(vgg, painted, photo, wish, size=1)
        found.append(float(seen.patches + seen.gram + seen.colour))
    return known[found.index(min(found))]
