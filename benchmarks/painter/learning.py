"""How long the painter takes to learn a new painting, and how well it does."""

from pathlib import Path

from benchmarks.painter.quality import Evaluator, Quality
from benchmarks.painter.speed import seconds
from benchmarks.report import Goal
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import load_style, save_style
from workloads.video.settings import ScoringSettings
from workloads.video.training import pictures
from workloads.video.training.style_learner import StyleLearner

NEW = Path("deploy/sample/ejiri.jpg")


def learning(evaluator: Evaluator, network: PainterNetwork, trained: Quality, vgg: Path) -> Goal:
    learner: list[StyleLearner] = []

    def learn() -> None:
        learner.append(StyleLearner(ScoringSettings(vgg_weights=vgg), pictures.read(NEW)))
        for _ in learner[0].run():
            pass

    minutes = seconds(learn) / 60
    style = load_style(save_style(learner[0].vector), network)
    found = evaluator.of(network, style, NEW)
    share, usual = found.brush / found.own, trained.brush / trained.own
    return Goal(
        f"learning {NEW.stem}: brush over the painting's own, over the trained styles'",
        "≥ 0.85 in ≤ 20 min",
        f"{share / usual:.2f} in {minutes:.1f} min ({share:.2f} at content {found.content:.2f})",
        share / usual >= 0.85 and minutes <= 20,
    )
