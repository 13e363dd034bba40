"""Which scorer stands behind what a job asks for. Torch is imported only when it is needed."""

from collections import OrderedDict
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from services.scorer.scorer import BlendedWithSource, PictureScorer, Scorer
from services.scorer.settings import WEIGHTS, ScorerSettings
from shared.errors import Misconfigured, Missing, Refused, Reject
from shared.mixture import Mixture
from shared.models import Model, Models
from shared.storage import Storage

if TYPE_CHECKING:
    from services.scorer.network import PainterNetwork

GROUP = "impasto.scorers"
PAINTER = "painter"
#: How many scorers are kept, those that were asked for last.
CACHE_SIZE = 8
#: Names and their shares.
Parts = tuple[tuple[str, float], ...]


def shipped_models() -> list[Model]:
    """The models that come with this service, and with the packages installed beside it."""
    styles = sorted((WEIGHTS / "styles").glob("*.safetensors"))
    painted = [Model(path.stem, PAINTER, path.read_bytes(), mixes=True) for path in styles]
    own = [Model(name, name) for name in installed_scorers()]
    if clash := {model.name for model in own} & {PAINTER, *(model.name for model in painted)}:
        raise Misconfigured(f"a package brings a scorer called {min(clash)}, which is taken")
    return sorted(own + painted)


def installed_scorers() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


class Catalog:
    """Scorers by what they mix, each made once, and anew when a model is learnt anew.

    Strengths of one mixture share its scorer.
    """

    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._models = Models(storage)
        self._settings = settings
        self._made: OrderedDict[Parts, tuple[list[str], Scorer[Any]]] = OrderedDict()

    def scorer(self, asked: str) -> Scorer[Any]:
        try:
            mixture = Mixture.parse(asked)
            scorer = self._whole(mixture)
        except (Missing, Refused) as error:
            raise Reject(str(error)) from error
        if mixture.strength == 1:
            return scorer
        if not isinstance(scorer, PictureScorer):
            raise Reject(f"{next(iter(mixture.parts))} has no strength; leave out the @")
        return BlendedWithSource(scorer, mixture.strength)

    def _whole(self, mixture: Mixture) -> Scorer[Any]:
        """At full strength."""
        parts = tuple(mixture.parts.items())
        versions = [self._models.version(name) for name in mixture.parts]
        if parts not in self._made or self._made[parts][0] != versions:
            models = [self._models.load(name) for name in mixture.parts]
            self._made[parts] = versions, self._make(mixture, models)
        self._made.move_to_end(parts)
        while len(self._made) > CACHE_SIZE:
            self._made.popitem(last=False)
        return self._made[parts][1]

    def _make(self, mixture: Mixture, models: list[Model]) -> Scorer[Any]:
        kinds = {model.scorer for model in models}
        return self._painter(mixture, models) if kinds == {PAINTER} else self._own(models)

    def _own(self, models: list[Model]) -> Scorer[Any]:
        if len(models) > 1:
            raise Reject(f"{models[0].name} can't be mixed with others")
        point = installed_scorers().get(models[0].scorer)
        if point is None:
            raise Reject(f"this worker has no scorer called {models[0].scorer!r}")
        scorer: Scorer[Any] = point.load()()
        return scorer

    def _painter(self, mixture: Mixture, models: list[Model]) -> Scorer[Any]:
        from services.scorer.painter import Painter, mix_styles

        styles = {model.name: model.data for model in models}
        return Painter(self.network, mix_styles(styles, mixture.parts, self.network))

    @cached_property
    def network(self) -> "PainterNetwork":
        from services.scorer.device import use_threads
        from services.scorer.painter import load_network

        use_threads(self._settings.threads)
        return load_network(self._settings.network)
