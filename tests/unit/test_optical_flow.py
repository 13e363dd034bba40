"""Optical flow finds how a picture has moved, and where it can't be relied on."""

import pytest
import torch
from torch import Tensor

from workloads.video.scoring.optical_flow import motion


def scene(seed: int) -> Tensor:
    """Shapes of several sizes, 160 × 240."""
    chance = torch.Generator().manual_seed(seed)
    made = torch.zeros(1, 3, 160, 240)
    for side in (8, 20, 40):
        noise = torch.rand(1, 3, side, side * 3 // 2, generator=chance)
        made += torch.nn.functional.interpolate(noise, (160, 240), mode="bicubic") / 3
    return made.clamp(0, 1)


@pytest.mark.parametrize("shift", [(0, 0), (2, 1), (-4, 6)])
def test_a_shifted_picture_is_moved_back(shift: tuple[int, int]) -> None:
    down, across = shift
    whole = scene(1)
    first = whole[:, :, 20:140, 20:220]
    second = whole[:, :, 20 + down : 140 + down, 20 + across : 220 + across]
    found = motion(first, second)
    inside = (..., slice(16, -16), slice(16, -16))
    before, after = ((picture - second)[inside].abs().mean() for picture in (first, found(first)))
    assert float(after) < max(0.01, 0.25 * float(before))
    assert found.trust[inside].mean() > 0.85


def test_another_picture_isnt_trusted() -> None:
    assert motion(scene(1), scene(2)).trust.mean() < 0.4


def test_only_the_place_that_changed_isnt_trusted() -> None:
    first = scene(1)
    second = first.clone()
    second[:, :, 40:100, 60:140] = 1 - second[:, :, 40:100, 60:140].round()
    trust = motion(first, second).trust
    assert trust[:, :, 50:90, 70:130].mean() < 0.3
    assert trust[:, :, 130:, 180:].mean() > 0.95
