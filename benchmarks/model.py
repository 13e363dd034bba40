"""The painter that benchmarks use, and two ways of running it without any service."""

from collections.abc import Sequence

from torch import Tensor

from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import Painter, load_network, load_style
from workloads.video.scoring.picture_scorer import Picture
from workloads.video.settings import WEIGHTS
from workloads.video.training.trainable_styles import NETWORK, STYLES

STYLE = "great-wave"
#: The bare model's two ways: frame by frame, and several frames at once as in workers.
IN_A_LOOP, CONCURRENTLY = "in a loop", "frames side by side"


def network() -> PainterNetwork:
    return load_network(WEIGHTS / NETWORK)


def style(network: PainterNetwork) -> Tensor:
    return load_style((WEIGHTS / STYLES / f"{STYLE}.safetensors").read_bytes(), network)


def painter(network: PainterNetwork) -> Painter:
    return Painter(network, style(network))


def in_a_loop(painter: Painter, frames: Sequence[Picture]) -> None:
    """One frame at a time, on all cores."""
    for frame in frames:
        painter.paint(frame)


def concurrently(painter: Painter, frames: Sequence[Picture]) -> None:
    if painter.threads:
        list(painter.threads.pool.map(painter.paint, frames))
    else:
        painter.score(frames)
