"""The losses of training, and the sizes at which frames are painted."""

import pytest
import torch

from tests.support.assets import VGG, needs_vgg
from workloads.video.scoring.network import LINES, MOST_PIXELS, painted_size
from workloads.video.training.losses import (
    colour_distance,
    compare,
    gram,
    gram_distance,
    movers_distance,
    painting_features,
    repeats,
)
from workloads.video.training.vgg import Vgg, without_rim


def test_the_distance_of_equal_patches_is_zero() -> None:
    torch.manual_seed(1)
    rows = torch.randn(50, 8)
    assert movers_distance(rows.flip(0), rows) < 1e-5
    assert movers_distance(torch.randn(50, 8), rows) > 0.1


def test_the_distance_counts_patches_of_the_painting_that_the_picture_lacks() -> None:
    torch.manual_seed(1)
    rows = torch.randn(60, 8)
    assert movers_distance(rows[:30], rows) > 0.1


def test_the_distance_of_colours_ignores_their_places() -> None:
    torch.manual_seed(1)
    pixels = torch.rand(500, 3)
    assert colour_distance(pixels.flip(0), pixels) < 1e-6
    assert colour_distance(pixels * 0.5, pixels) > 0.05


def test_the_gram_distance_is_relative_to_the_paintings_matrix() -> None:
    wanted = gram(torch.rand(40, 6))
    assert gram_distance(wanted, wanted) == 0
    assert gram_distance(0 * wanted, wanted) == pytest.approx(1)


@pytest.mark.parametrize("stride", [8, 16])
def test_only_a_pattern_that_repeats_at_the_stride_is_penalised(stride: int) -> None:
    torch.manual_seed(1)
    stamp = torch.rand(1, 3, 8, 8).repeat(1, 1, 24, 24)
    other = torch.nn.functional.interpolate(stamp, (250, 250), mode="bilinear")
    assert repeats(stamp, stride) > 0.95
    assert repeats(other, stride) < 0.2
    assert repeats(torch.rand(1, 3, 192, 192), stride) < 0.05
    assert repeats(torch.full((1, 3, 192, 192), 0.5), stride) < 0.05


def test_features_near_the_edge_are_left_out() -> None:
    features = torch.zeros(1, 2, 20, 30)
    assert without_rim(features, 11, 16).shape == (1, 2, 12, 22)  # relu3_1 has a stride of 4
    assert without_rim(features, 18, 16).shape == (1, 2, 16, 26)  # relu4_1 has a stride of 8


@needs_vgg
@pytest.mark.parametrize("size", [0, 1])
def test_a_painting_is_closer_to_itself_than_another_picture(size: int) -> None:
    torch.manual_seed(1)
    noise = torch.rand(1, 3, 16, 16)
    painting = torch.nn.functional.interpolate(noise, (128, 128), mode="bicubic").clamp(0, 1)
    other = torch.rand(1, 3, 128, 128)
    vgg = Vgg(VGG)
    features = painting_features(vgg, painting)
    same, far = (compare(vgg, picture, painting, features, size) for picture in (painting, other))
    assert same.content == 0
    for mine, theirs in zip(same[:4], far[:4], strict=True):
        assert mine < 0.5 * theirs


@pytest.mark.parametrize(
    ("frame", "painted"),
    [
        ((720, 1280), (360, 640)),
        ((1080, 1920), (360, 640)),
        ((2160, 3840), (360, 640)),
        ((1280, 720), (640, 360)),
        ((144, 176), (360, 440)),
        ((1, 1), (360, 360)),
    ],
)
def test_every_frame_is_painted_at_the_same_lines(
    frame: tuple[int, int], painted: tuple[int, int]
) -> None:
    assert painted_size(*frame) == painted


@pytest.mark.parametrize("frame", [(16, 16384), (8192, 64), (1, 100_000)])
def test_a_long_frame_is_painted_at_fewer_lines(frame: tuple[int, int]) -> None:
    height, width = painted_size(*frame)
    assert height * width < 1.1 * MOST_PIXELS
    assert min(height, width) < LINES
