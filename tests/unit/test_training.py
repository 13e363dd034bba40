"""Training of the network and its styles, and learning of one style with a frozen network."""

import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import torch

from shared.errors import Misconfigured
from tests.support.assets import VGG, needs_vgg
from workloads.video.scoring.painter import load_network, load_style, save_style
from workloads.video.settings import WEIGHTS, ScoringSettings
from workloads.video.training import pictures
from workloads.video.training.content_weights import LIMIT, ContentWeights
from workloads.video.training.flicker import Move, flicker
from workloads.video.training.losses import Losses, PaintingFeatures
from workloads.video.training.recipe import Recipe, TrainingSettings
from workloads.video.training.style_learner import StyleLearner
from workloads.video.training.trainable_styles import TrainableStyles
from workloads.video.training.training_loop import Gradients, StepLosses, TrainingLoop
from workloads.video.training.vgg import Vgg

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAINTINGS = ROOT / "workloads/video/training/paintings"


def trained(out: Path, start: Path, *settings: str) -> None:
    command = [
        sys.executable, "-m", "workloads.video.training", PAINTINGS / "great-wave.jpg",
        "--photos", PAINTINGS, "--vgg", VGG, "--start", start, "--out", out,
        "--size", "160", "--lines", "192", "--batch", "1", *settings,
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT)


class FixedGradients(TrainingLoop):
    """Every frame's gradients are those given; no painting is looked at."""

    def __init__(self, styles: TrainableStyles, gradients: list[torch.Tensor]) -> None:
        paintings = cast(list[PaintingFeatures], [None])
        super().__init__(styles, cast(Vgg, None), paintings, TrainingSettings(steps=1))
        self._fixed = gradients

    def _gradients(
        self, frame: torch.Tensor, number: int, size: int
    ) -> tuple[list[float], Gradients]:
        return [0.0] * len(StepLosses._fields + Losses._fields), self._fixed


def test_every_weight_moves_against_its_gradient() -> None:
    """Whatever the memory format of the two is."""
    torch.manual_seed(0)
    styles = TrainableStyles(["new"])
    weights = [w for group in styles.optimiser().param_groups for w in group["params"]]
    before = [weight.detach().clone() for weight in weights]
    gradients = [torch.randn(weight.shape) for weight in weights]
    loop = FixedGradients(styles, gradients)
    loop._step([torch.empty(0)] * 2, [0, 0], 0)
    for weight, was, gradient in zip(weights, before, gradients, strict=True):
        assert torch.equal((weight - was).sign(), -gradient.sign())


def test_content_counts_more_in_a_style_that_is_painted_well() -> None:
    weights = ContentWeights(styles=3, first=6, goal=0.6)
    for _ in range(1000):
        weights.update(0, tint=0.5)
        weights.update(1, tint=0.7)
    assert weights.values == [6 * LIMIT, 6 / LIMIT, 6]


@needs_vgg
def test_training_changes_both_stages_and_is_recorded(tmp_path: Path) -> None:
    trained(tmp_path, WEIGHTS, "--steps", "2")
    before, after = (load_network(path / "network.safetensors") for path in (WEIGHTS, tmp_path))
    load_style((tmp_path / "styles/great-wave.safetensors").read_bytes(), after)
    assert not torch.equal(before.coarse.leave.weight, after.coarse.leave.weight)
    assert not torch.equal(before.fine.leave.weight, after.fine.leave.weight)
    *stages, last = Recipe.of(tmp_path).stages
    assert (last.settings.steps, last.paintings) == (2, ["great-wave"])
    assert stages == Recipe.of(WEIGHTS).stages


@needs_vgg
def test_training_continues_from_its_checkpoint(tmp_path: Path) -> None:
    trained(tmp_path, WEIGHTS, "--steps", "2")
    kept, network = Recipe.of(tmp_path), tmp_path / "network.safetensors"
    assert kept.stages[:-1] == Recipe.of(WEIGHTS).stages
    written = network.stat().st_mtime_ns
    trained(tmp_path, WEIGHTS, "--steps", "2")  # nothing is left to do
    assert network.stat().st_mtime_ns == written
    trained(tmp_path, WEIGHTS, "--steps", "3")
    assert network.stat().st_mtime_ns > written


@needs_vgg
def test_learning_a_style_changes_only_its_vector() -> None:
    painting = pictures.read(ROOT / "deploy/sample/ejiri.jpg")
    learner = StyleLearner(ScoringSettings(vgg_weights=VGG, learning_steps=4), painting)
    weights = {name: value.clone() for name, value in learner.network.state_dict().items()}
    before = learner.vector.clone()
    assert list(learner.run()) == [1, 2, 3, 4]
    assert not torch.equal(before, learner.vector)
    for name, value in learner.network.state_dict().items():
        assert torch.equal(value, weights[name])


@needs_vgg
def test_learning_continues_from_a_checkpoint() -> None:
    painting = pictures.read(ROOT / "deploy/sample/ejiri.jpg")
    learner = StyleLearner(ScoringSettings(vgg_weights=VGG, learning_steps=3), painting)
    half_done = torch.full_like(learner.vector, 0.25)
    learner.resume(save_style(half_done))
    assert torch.equal(learner.vector, half_done)
    assert list(learner.run(2)) == [3]


def test_the_error_for_missing_vgg_weights_names_the_setting(tmp_path: Path) -> None:
    painting = torch.rand(1, 3, 128, 128)
    with pytest.raises(Misconfigured, match="IMPASTO_VGG_WEIGHTS"):
        StyleLearner(ScoringSettings(vgg_weights=tmp_path / "nothing.safetensors"), painting)


def test_a_picture_that_moves_with_the_scene_does_not_flicker() -> None:
    torch.manual_seed(1)
    soft = torch.nn.functional.interpolate(torch.rand(2, 3, 9, 9), (96, 96), mode="bicubic")
    move = Move(soft)
    assert flicker(soft, move(soft), move) == 0
    assert flicker(soft, soft, move) > 0
    assert 0.5 < move.seen.mean() < 1
