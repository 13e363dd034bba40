"""The painter's flicker, compared with weights that were trained without the flicker loss."""

import statistics
from pathlib import Path
from typing import NamedTuple

from benchmarks.painter.quality import Evaluator, Quality, mean
from benchmarks.painter.warping import warping_error
from benchmarks.report import Goal
from benchmarks.sample_clip import frames_of
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import Painter, load_network
from workloads.video.scoring.picture_scorer import Picture
from workloads.video.settings import WEIGHTS
from workloads.video.training.trainable_styles import NETWORK, styles_in

#: Weights trained without the flicker loss; optional.
UNSTEADY = Path("benchmarks/unsteady")
HEIGHT = 360
FRAMES = 60


class Steadiness(NamedTuple):
    warping: float
    brush: float


def error(network: PainterNetwork, folder: Path, films: list[list[Picture]]) -> float:
    return statistics.fmean(
        warping_error(film, Painter(network, vector[None]).paint)
        for vector in styles_in(folder).values()
        for film in films
    )


def steadiness(
    evaluator: Evaluator, network: PainterNetwork, trained: Quality, clips: list[Path]
) -> Goal:
    films = [frames_of(clip, HEIGHT)[-FRAMES:] for clip in clips]
    plain = statistics.fmean(warping_error(film, lambda frame: frame) for film in films)
    ours = Steadiness(error(network, WEIGHTS, films), trained.brush)
    if UNSTEADY.exists():
        other = load_network(UNSTEADY / NETWORK)
        brush = mean(evaluator.each(UNSTEADY, other)).brush
        theirs = Steadiness(error(other, UNSTEADY, films), brush)
    else:
        theirs = None
    return goal(ours, theirs, plain, len(films))


def goal(ours: Steadiness, theirs: Steadiness | None, plain: float, clips: int) -> Goal:
    found = f"{ours.warping * 1e3:.2f} at brush {ours.brush:.2f}"
    if theirs:
        ratio = ours.warping / theirs.warping
        beside = f"{theirs.warping * 1e3:.2f} at brush {theirs.brush:.2f}"
        reached = f"{ratio:.2f} ({found} over {beside}; the plain clips have {plain * 1e3:.2f})"
    else:
        reached = f"{found}, the plain clips {plain * 1e3:.2f}; no weights to compare with"
    return Goal(
        f"warping error on {clips} clips, ×10⁻³, over that of training without the flicker loss",
        "≤ 0.5",
        reached,
        ratio <= 0.5 if theirs else None,
    )
