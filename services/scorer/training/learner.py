"""Learning one painting: a style's vector is fitted to it, and the network stays as it is."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from services.scorer.device import use_threads
from services.scorer.network import Painter
from services.scorer.painter import load_style
from services.scorer.settings import WEIGHTS, ScorerSettings
from services.scorer.training import pictures
from services.scorer.training.eye import Eye
from services.scorer.training.lesson import Lesson
from services.scorer.training.losses import Painting, compare, features_of
from services.scorer.training.recipe import Settings
from services.scorer.training.studio import Learning, Studio, styles_in
from shared.errors import Misconfigured

#: Of the styles that it comes with.
PAINTINGS = Path(__file__).parent / "paintings"
#: What is painted for practice: paintings have as many kinds of things in them as photos have.
PRACTICE = [*PAINTINGS.glob("*.jpg"), *PAINTINGS.with_name("practice").glob("*.jpg")]


class Learner:
    """A painting, and a vector on its way to it."""

    def __init__(self, settings: ScorerSettings, painting: Tensor) -> None:
        use_threads(settings.threads)
        torch.manual_seed(0)
        eye = an_eye(settings.eye)
        recipe = Settings(steps=settings.learning_steps, learning=Learning.STYLES)
        self._photos = [
            pictures.at_lines(pictures.read(path), recipe.lines) for path in sorted(PRACTICE)
        ]
        self._studio = Studio(["new"], Learning.STYLES)
        self._studio.load_network(settings.network)
        wish = features_of(eye, pictures.at_lines(painting, recipe.lines))
        self._studio.start_from(nearest(self._studio, eye, wish, self._photos[0])[None])
        self._lesson = Lesson(self._studio, eye, [wish], recipe)

    @property
    def vector(self) -> Tensor:
        return self._studio.vectors[0]

    @property
    def network(self) -> Painter:
        return self._studio.painter

    def resume(self, vector: bytes) -> None:
        self._studio.start_from(load_style(vector, self._studio.painter))

    def practise(self, done: int = 0) -> Iterator[int]:
        """The number of every step when it is done."""
        for step, _ in self._lesson.practise(self._photos, done):
            yield step


def an_eye(weights: Path | None) -> Eye:
    try:
        return Eye(weights)
    except (OSError, URLError) as error:
        raise Misconfigured(
            f"learning needs VGG16's weights, and they can't be had: {error}; "
            "name a file of them in IMPASTO_EYE"
        ) from error


@torch.no_grad()
def nearest(studio: Studio, eye: Eye, wish: Painting, photo: Tensor) -> Tensor:
    """Of the styles that the network knows, the one whose picture is most like the painting."""
    known = list(styles_in(WEIGHTS).values())
    found = []
    for vector in known:
        with torch.autocast("cpu", torch.bfloat16):
            painted = studio.paint(photo, vector[None])
        seen = compare(eye, painted, photo, wish, size=1)
        found.append(float(seen.patches + seen.gram + seen.colour))
    return known[found.index(min(found))]
