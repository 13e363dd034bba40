"""The model that benchmarks paint with."""

from services.scorer.network import Painter as Network
from services.scorer.painter import Painter, load_network, load_style
from services.scorer.settings import WEIGHTS
from services.scorer.training.studio import NETWORK, STYLES

STYLE = "great-wave"


def network() -> Network:
    return load_network(WEIGHTS / NETWORK)


def painter(network: Network) -> Painter:
    style = (WEIGHTS / STYLES / f"{STYLE}.safetensors").read_bytes()
    return Painter(network, load_style(style, network))
