"""A part of a style's strength: no double exposure, and both ends are what they are."""

import numpy as np
import pytest
import torch

from shared.models import Model
from workloads.video.scoring.levels import levels_of, picture_of
from workloads.video.scoring.pencil import Pencil
from workloads.video.scoring.strength import AtStrength, mixed


@pytest.mark.parametrize("size", [(133, 177), (16, 40), (1, 1)])
def test_a_picture_is_the_sum_of_its_levels(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size)
    torch.testing.assert_close(picture_of(levels_of(picture, 6)), picture)


def test_the_ends_are_the_source_and_the_full_strength() -> None:
    torch.manual_seed(1)
    photo, made = torch.rand(2, 1, 3, 96, 128)
    assert (mixed(photo, made, 1e-3) - photo).abs().mean() < 0.01
    assert (mixed(photo, made, 1 - 1e-3) - made).abs().mean() < 0.01


def test_what_only_one_picture_shows_isnt_half_pale() -> None:
    """The photo has a line where nothing is painted, and the painting a stroke elsewhere."""
    photo, made = torch.full((1, 3, 96, 128), 0.8), torch.full((1, 3, 96, 128), 0.4)
    photo[:, :, :, 30:33] -= 0.4
    made[:, :, :, 90:93] += 0.4
    half = mixed(photo, made, 0.5)
    line, stroke, ground = (half[0, 0, 48, x] for x in (31, 91, 60))
    assert ground == pytest.approx(0.6, abs=0.02)  # colours are halfway
    assert ground - line > 1.25 * 0.2  # the mean of both would have 0.2
    assert stroke - ground > 1.25 * 0.2


def test_a_higher_strength_is_nearer_to_the_full_one() -> None:
    source = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    pencil = Pencil(Model("pencil", "pencil"))
    [whole] = pencil.score([source.copy()])
    distances = []
    for strength in (0.25, 0.5, 0.75):
        [made] = AtStrength(pencil, strength).score([source.copy()])
        assert made.shape == source.shape
        assert made.dtype == np.uint8
        distances.append(np.abs(made.astype(int) - whole).mean())
    assert distances == sorted(distances, reverse=True)
