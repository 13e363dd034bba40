"""The model that benchmarks paint with."""

from torch import Tensor

from services.scorer.network import Painter as Network
from services.scorer.painter import Painter, load_network, load_style, painter_of
from services.scorer.scorer import PictureScorer
from services.scorer.settings import WEIGHTS
from services.scorer.training.studio import NETWORK, STYLES

STYLE = "great-wave"
#: What the bare model is: as anybody would write it, and as its own scorer has it.
IN_A_LOOP, AT_ITS_BEST = "in a loop", "frames side by side"


def network() -> Network:
    return load_network(WEIGHTS / NETWORK)


def style(network: Network) -> Tensor:
    return load_style((WEIGHTS / STYLES / f"{STYLE}.safetensors").read_bytes(), network)


def painter(network: Network) -> Painter:
    """The bare model, in a loop: a frame at a time, that all cores share."""
    return Painter(network, style(network))


def scorer(network: Network) -> PictureScorer:
    """As workers have it."""
    return painter_of(network, style(network))
