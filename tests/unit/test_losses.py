"""The losses of training, and the sizes at which frames are painted."""

import pytest
import torch

from tests.support.assets import VGG, needs_vgg
from workloads.video.scoring.network import LINES, MOST_PIXELS, painted_size
from workloads.video.training.losses import (
    colour_distance,
    compare,
    foreign_colours,
    gram,
    gram_distance,
    painting_features,
    photo_features,
    whitening,
)
from workloads.video.training.patches import movers_distance, some_squares, tint_distance
from workloads.video.training.repeats import repeats_at
from workloads.video.training.tinted import tinted
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


def test_squares_that_are_nearer_to_a_tinted_photo_count() -> None:
    torch.manual_seed(1)
    strokes, plain = torch.randn(60, 256), torch.randn(60, 256)
    assert tint_distance(strokes, strokes, plain) < 1e-3
    assert tint_distance(plain, strokes, plain) > 1
    assert tint_distance(plain, strokes, plain) > tint_distance(plain + strokes, strokes, plain)


def test_a_square_has_the_features_of_neighbours() -> None:
    features = torch.arange(20.0).reshape(1, 1, 4, 5)
    squares = some_squares(features, 100)
    assert sorted(squares[:, 0].tolist()) == [0, 1, 2, 5, 6, 7]
    for square in squares:
        assert (square - square[0]).tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12]


def test_a_tinted_photo_has_the_paintings_colours_and_the_photos_shapes() -> None:
    torch.manual_seed(1)
    photo, colours = torch.rand(1, 3, 40, 50), torch.rand(999, 3) ** 3 * 0.5
    found = tinted(photo, colours)
    shares = torch.linspace(0, 1, 11)
    for channel in range(3):
        wanted = torch.quantile(colours[:, channel], shares)
        torch.testing.assert_close(
            torch.quantile(found[0, channel], shares), wanted, atol=0.01, rtol=0
        )
        order = photo[0, channel].flatten().argsort()
        assert (found[0, channel].flatten()[order].diff() >= 0).all()


def test_the_distance_of_colours_ignores_their_places() -> None:
    torch.manual_seed(1)
    pixels = torch.rand(500, 3)
    assert colour_distance(pixels.flip(0), pixels) < 1e-6
    assert colour_distance(pixels * 0.5, pixels) > 0.05


def test_a_colour_that_the_painting_lacks_counts() -> None:
    torch.manual_seed(1)
    greys = torch.rand(900, 1).expand(-1, 3)
    blue = torch.tensor([[0.0, 0.0, 1.0]]).expand(100, -1)
    assert foreign_colours(torch.cat([greys, blue]), greys) > 0.05
    assert foreign_colours(greys.flip(0), greys) < 1e-3


def test_the_gram_distance_is_relative_to_the_paintings_matrix() -> None:
    wanted = gram(torch.rand(40, 6))
    assert gram_distance(wanted, wanted) == 0
    assert gram_distance(0 * wanted, wanted) == pytest.approx(1)


@pytest.mark.parametrize("stride", [8, 16])
def test_only_a_pattern_that_repeats_at_the_stride_is_penalised(stride: int) -> None:
    torch.manual_seed(1)
    stamp = torch.rand(1, 3, 8, 8).repeat(1, 1, 24, 24)
    other = torch.nn.functional.interpolate(stamp, (250, 250), mode="bilinear")
    assert repeats_at(stamp, stride) > 0.95
    assert repeats_at(other, stride) < 0.2
    assert repeats_at(torch.rand(1, 3, 192, 192), stride) < 0.05
    assert repeats_at(torch.full((1, 3, 192, 192), 0.5), stride) < 0.05


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
    features = painting_features(vgg, painting, [other])
    photo = photo_features(vgg, painting, features, size)
    same, far = (compare(vgg, picture, photo, features, size) for picture in (painting, other))
    assert same.content == 0
    for mine, theirs in zip(same[:5], far[:5], strict=True):
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


def test_hues_count_as_much_as_lightness() -> None:
    torch.manual_seed(0)
    light = torch.rand(4096, 1).expand(-1, 3)
    hue = 0.1 * torch.randn(4096, 1) * torch.tensor([1.0, 0.0, -1.0])
    colours = light + hue
    own = whitening(colours)
    one, other = (
        colour_distance(light @ matrix, colours @ matrix) for matrix in (torch.eye(3), own)
    )
    assert other > 2 * one
    assert float(colour_distance(colours @ own, colours.flip(0) @ own)) < 0.1 * other


def test_hues_of_a_grey_painting_are_not_enlarged_without_bound() -> None:
    own = whitening(torch.rand(4096, 1).expand(-1, 3))
    assert own.isfinite().all()
    assert own.norm(2) < 30
