"""Teaching: the painter its styles, and one style to a painter that is frozen."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from services.scorer.painter import load_network, load_style, save_style
from services.scorer.settings import WEIGHTS, ScorerSettings
from services.scorer.training import pictures
from services.scorer.training.calm import restlessness
from services.scorer.training.learner import Learner
from services.scorer.training.muon import orthogonal
from services.scorer.training.recipe import Recipe
from services.scorer.training.steady import Move, flicker
from shared.errors import Misconfigured
from tests.conftest import VGG, needs_vgg

ROOT = Path(__file__).parents[2]
PAINTINGS = ROOT / "services/scorer/training/paintings"


@needs_vgg
def test_training_teaches(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "services.scorer.training", PAINTINGS / "great-wave.jpg",
        "--photos", PAINTINGS, "--vgg", VGG, "--start", WEIGHTS, "--out", tmp_path,
        "--steps", "2", "--size", "64", "--painting-size", "64", "--batch", "1",
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT, timeout=120)
    before, learnt = (load_network(p / "network.safetensors") for p in (WEIGHTS, tmp_path))
    load_style((tmp_path / "styles/great-wave.safetensors").read_bytes(), learnt)
    assert not torch.equal(before.leave.weight, learnt.leave.weight)
    stages = Recipe.of(tmp_path).stages
    assert stages[-1].paintings == ["great-wave"]
    assert stages[-1].settings.steps == 2
    assert stages[:-1] == Recipe.of(WEIGHTS).stages


@needs_vgg
def test_a_new_style_is_learnt_by_its_vector_alone() -> None:
    painting = pictures.read(ROOT / "deploy/sample/ejiri.jpg")
    learner = Learner(ScorerSettings(eye=VGG, learning_steps=4), painting)
    weights = {name: value.clone() for name, value in learner.network.state_dict().items()}
    before = learner.vector.clone()
    assert list(learner.practise()) == [1, 2, 3, 4]
    assert not torch.equal(before, learner.vector)
    for name, value in learner.network.state_dict().items():
        assert torch.equal(value, weights[name])


@needs_vgg
def test_learning_goes_on_where_it_was_left() -> None:
    painting = pictures.read(ROOT / "deploy/sample/ejiri.jpg")
    learner = Learner(ScorerSettings(eye=VGG, learning_steps=3), painting)
    half_done = torch.full_like(learner.vector, 0.25)
    learner.resume(save_style(half_done))
    assert torch.equal(learner.vector, half_done)
    assert list(learner.practise(2)) == [3]


def test_an_eye_that_can_not_be_had_is_told_with_the_setting_to_set(tmp_path: Path) -> None:
    painting = torch.rand(1, 3, 128, 128)
    with pytest.raises(Misconfigured, match="IMPASTO_EYE"):
        Learner(ScorerSettings(eye=tmp_path / "nothing.safetensors"), painting)


def test_what_moved_as_the_scene_did_does_not_flicker() -> None:
    torch.manual_seed(1)
    soft = torch.nn.functional.interpolate(torch.rand(2, 3, 9, 9), (96, 96), mode="bicubic")
    move = Move(soft)
    assert flicker(soft, move(soft), move) == 0
    assert flicker(soft, soft, move) > 0
    assert 0.5 < move.seen.mean() < 1


def test_a_weave_is_seen_where_the_photo_is_calm() -> None:
    torch.manual_seed(1)
    calm, busy = torch.full((1, 3, 64, 64), 0.5), torch.rand(1, 3, 64, 64)
    weave = calm + 0.1 * (-1) ** torch.arange(64)
    assert restlessness(calm, calm) == 0
    assert restlessness(weave, busy) < 0.01 * restlessness(weave, calm)


def test_orthogonal_steps_go_all_ways_alike() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(12, 40) * torch.logspace(0, -2, 12)[:, None]
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.5
    assert values.max() < 1.5
