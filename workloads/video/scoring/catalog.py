"""Finds the scorer for the model that a job names. Torch is imported only when it is needed."""

from collections import OrderedDict
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from shared.errors import Misconfigured, Missing, Refused, Reject
from shared.models import Model, Models
from shared.scorer import Scorer
from shared.storage import Storage
from workloads.video.mixture import FINE, Mixture
from workloads.video.scoring.picture_scorer import PictureScorer
from workloads.video.settings import WEIGHTS, ScoringSettings

if TYPE_CHECKING:
    from workloads.video.scoring.network import PainterNetwork
    from workloads.video.scoring.painter import Painter
    from workloads.video.training.vgg import Vgg

GROUP = "impasto.scorers"
PAINTER = "painter"
#: How many scorers are kept; the least recently used one is dropped.
CACHE_SIZE = 8
#: Names and their shares, and whether it is the fine way.
Parts = tuple[tuple[tuple[str, float], ...], bool]


def shipped_models() -> list[Model]:
    """The shipped styles, and one model for each installed scorer."""
    styles = sorted((WEIGHTS / "styles").glob("*.safetensors"))
    painted = [Model(path.stem, PAINTER, path.read_bytes(), mixes=True) for path in styles]
    own = [Model(name, name) for name in installed_scorers()]
    if clash := {model.name for model in own} & {PAINTER, *(model.name for model in painted)}:
        raise Misconfigured(f"an installed scorer is called {min(clash)}, and that name is taken")
    return sorted(own + painted)


def installed_scorers() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


class Catalog:
    """A cache of scorers. A scorer is made again when one of its models has been learnt again.

    All strengths of one mixture use the same scorer.
    """

    def __init__(self, storage: Storage, settings: ScoringSettings | None = None) -> None:
        self._models = Models(storage)
        self._settings = settings or ScoringSettings()
        self._made: OrderedDict[Parts, tuple[list[str], Scorer[Any]]] = OrderedDict()

    def scorer(self, asked: str) -> Scorer[Any]:
        try:
            mixture = Mixture.parse(asked)
            scorer = self._full_strength(mixture)
        except (Missing, Refused) as error:
            raise Reject(str(error)) from error
        if mixture.strength == 1:
            return scorer
        if not isinstance(scorer, PictureScorer):
            raise Reject(f"{next(iter(mixture.parts))} can't have a strength; leave out the @")
        from workloads.video.scoring.strength import AtStrength

        return AtStrength(scorer, mixture.strength)

    def _full_strength(self, mixture: Mixture) -> Scorer[Any]:
        parts = tuple(mixture.parts.items()), mixture.fine
        versions = [self._models.find(name).etag for name in mixture.parts]
        if parts not in self._made or self._made[parts][0] != versions:
            models = [self._models.load(name) for name in mixture.parts]
            self._made[parts] = versions, self._make(mixture, models)
        self._made.move_to_end(parts)
        while len(self._made) > CACHE_SIZE:
            self._made.popitem(last=False)
        return self._made[parts][1]

    def _make(self, mixture: Mixture, models: list[Model]) -> Scorer[Any]:
        kinds = {model.scorer for model in models}
        if kinds != {PAINTER}:
            return self._installed(models, mixture.fine)
        painter = self._painter(mixture, models)
        return self._fine(painter, mixture, models) if mixture.fine else painter

    def _installed(self, models: list[Model], fine: bool) -> Scorer[Any]:
        if len(models) > 1:
            raise Reject(f"{models[0].name} can't be mixed with others")
        if fine:
            raise Reject(f"{models[0].name} has no finer way; leave out the !{FINE}")
        point = installed_scorers().get(models[0].scorer)
        if point is None:
            raise Reject(f"this worker has no scorer called {models[0].scorer!r}")
        scorer: Scorer[Any] = point.load()(models[0])
        return scorer

    def _painter(self, mixture: Mixture, models: list[Model]) -> "Painter":
        from workloads.video.scoring.painter import Painter, mix_styles

        styles = {model.name: model.data for model in models}
        return Painter(self.network, mix_styles(styles, mixture.parts, self.network))

    def _fine(self, painter: "Painter", mixture: Mixture, models: list[Model]) -> Scorer[Any]:
        from workloads.video.scoring.fine_painter import FinePainter
        from workloads.video.scoring.kept_paintings import painting_of
        from workloads.video.scoring.pixel_optimiser import FINE_LOSSES, PixelOptimiser, Share

        style = [Share(painting_of(model), mixture.parts[model.name]) for model in models]
        optimiser = PixelOptimiser(self._vgg, style, FINE_LOSSES)
        device = next(self.network.parameters()).device
        return FinePainter(painter, optimiser, self._settings.fine_steps, device)

    @cached_property
    def _vgg(self) -> "Vgg":
        from workloads.video.training.vgg import load_vgg

        return load_vgg(self._settings.vgg_weights).to(next(self.network.parameters()).device)

    @cached_property
    def network(self) -> "PainterNetwork":
        from workloads.video.scoring.device import use_threads
        from workloads.video.scoring.painter import load_network

        use_threads(self._settings.threads)
        return load_network(self._settings.network)
