"""The model that benchmarks paint with."""

from collections.abc import Sequence

from torch import Tensor

from services.scorer.network import PainterNetwork
from services.scorer.painter import Painter, load_network, load_style
from services.scorer.scorer import Picture
from services.scorer.settings import WEIGHTS
from services.scorer.training.trainable_styles import NETWORK, STYLES

STYLE = "great-wave"
#: What the bare model is: as anybody would write it, and as workers have it.
IN_A_LOOP, AT_ITS_BEST = "in a loop", "frames side by side"


def network() -> PainterNetwork:
    return load_network(WEIGHTS / NETWORK)


def style(network: PainterNetwork) -> Tensor:
    return load_style((WEIGHTS / STYLES / f"{STYLE}.safetensors").read_bytes(), network)


def painter(network: PainterNetwork) -> Painter:
    return Painter(network, style(network))


def in_a_loop(painter: Painter, frames: Sequence[Picture]) -> None:
    """A frame at a time, that all cores share."""
    for frame in frames:
        painter.paint(frame)


def at_its_best(painter: Painter, frames: Sequence[Picture]) -> None:
    if painter.threads:
        list(painter.threads.pool.map(painter.paint, frames))
    else:
        painter.score(frames)
