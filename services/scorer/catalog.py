"""Which scorer stands behind a model's name. Torch is imported only when something is painted."""

from functools import cached_property
from typing import TYPE_CHECKING

from services.scorer.scorer import Original, Scorer
from services.scorer.settings import WEIGHTS, ScorerSettings
from shared.errors import Missing, Reject
from shared.models import Model, Models
from shared.storage import Storage

if TYPE_CHECKING:
    from services.scorer.network import Painter as Network

ORIGINAL = "original"
PAINTER = "painter"


def shipped() -> list[Model]:
    """The models that come with this service."""
    styles = sorted((WEIGHTS / "styles").glob("*.safetensors"))
    painted = [Model(path.stem, PAINTER, path.read_bytes()) for path in styles]
    return [Model(ORIGINAL, ORIGINAL, b""), *painted]


class Catalog:
    """Scorers by model, each made once."""

    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._models = Models(storage)
        self._settings = settings
        self._made: dict[str, Scorer] = {}

    def scorer(self, name: str) -> Scorer:
        if name not in self._made:
            try:
                self._made[name] = self._make(self._models.load(name))
            except Missing as error:
                raise Reject(str(error)) from error
        return self._made[name]

    def _make(self, model: Model) -> Scorer:
        if model.scorer == ORIGINAL:
            return Original()
        if model.scorer == PAINTER:
            from services.scorer.painter import Painter, load_style

            style = load_style(model.data, self._network)
            return Painter(self._network, style)
        raise Reject(f"this worker has no scorer called {model.scorer!r}")

    @cached_property
    def _network(self) -> "Network":
        import torch

        from services.scorer.painter import load_network

        if self._settings.threads:
            torch.set_num_threads(self._settings.threads)
        return load_network(self._settings.network)
