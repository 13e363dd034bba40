"""The warping error, and the reference network for the painter's speed."""

import numpy as np
import torch

from benchmarks.painter.reference import Reference
from benchmarks.painter.warping import warping_error
from workloads.video.scoring.picture_scorer import Picture


def scrolling(frames: int) -> list[Picture]:
    """A smooth scene that moves three pixels a frame."""
    chance = torch.Generator().manual_seed(3)
    noise = torch.rand(1, 3, 12, 24, generator=chance)
    scene = torch.nn.functional.interpolate(noise, (120, 240), mode="bicubic").clamp(0, 1)
    pixels = (scene[0].permute(1, 2, 0) * 255).to(torch.uint8).numpy()
    return [np.ascontiguousarray(pixels[:, 3 * n : 3 * n + 160]) for n in range(frames)]


def test_the_warping_error_is_small_if_pictures_move_with_the_scene() -> None:
    film = scrolling(4)
    still = warping_error(film, lambda frame: 255 - frame)
    rng = np.random.default_rng(1)
    noisy = warping_error(film, lambda frame: rng.integers(0, 256, frame.shape).astype(np.uint8))
    fixed = warping_error(film, lambda frame: np.where(film[0] > 127, 255, 0).astype(np.uint8))
    assert still < 1e-3
    assert noisy > 50 * still
    assert fixed > 10 * still


def test_the_reference_network_has_the_published_number_of_parameters() -> None:
    network = Reference()
    assert sum(p.numel() for p in network.parameters()) == 1_679_235
    assert network(torch.rand(1, 3, 64, 96)).shape == (1, 3, 64, 96)
