"""`STYLE!fine`: steps improve the network's picture, and a frame continues the one before."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch
from torch import Tensor

from shared.errors import Misconfigured, Reject
from shared.models import Model
from shared.telemetry.progress import Progress
from tests.support.assets import VGG, needs_vgg
from workloads.video.scoring.catalog import PAINTER, shipped_models
from workloads.video.scoring.fine_painter import FEWEST_LINES, FinePainter, fine_size
from workloads.video.scoring.kept_paintings import painting_of, with_painting
from workloads.video.scoring.painter import Painter, load_network, load_style, save_style
from workloads.video.scoring.picture_scorer import Picture
from workloads.video.scoring.pixel_optimiser import (
    FINE_LOSSES,
    PixelOptimiser,
    Share,
)
from workloads.video.scoring.shown_photos import PHOTOS
from workloads.video.settings import WEIGHTS
from workloads.video.training.losses import Losses, compare, photo_features
from workloads.video.training.pictures import as_tensor, at_lines
from workloads.video.training.shipped_pictures import PAINTINGS
from workloads.video.training.vgg import Vgg, load_vgg

pytestmark = pytest.mark.slow
STYLE = "starry-night"
STEPS = 12


@pytest.fixture(scope="module")
def style() -> Model:
    return next(model for model in shipped_models() if model.name == STYLE)


@pytest.fixture(scope="module")
def painter(style: Model) -> Painter:
    network = load_network(WEIGHTS / "network.safetensors")
    return Painter(network, load_style(style.data, network))


@pytest.fixture(scope="module")
def optimiser(style: Model) -> PixelOptimiser:
    return PixelOptimiser(Vgg(VGG), [Share(painting_of(style), 1.0)], FINE_LOSSES)


@pytest.fixture
def fine(painter: Painter, optimiser: PixelOptimiser) -> FinePainter:
    return FinePainter(painter, optimiser, STEPS, torch.device("cpu"))


@pytest.fixture(scope="module")
def photo() -> Picture:
    pixels = simplejpeg.decode_jpeg((PHOTOS / "1.jpg").read_bytes(), "RGB")
    small = at_lines(as_tensor(pixels), 128)
    return (small[0] * 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


@needs_vgg
def test_steps_bring_a_picture_nearer_to_the_painting(
    fine: FinePainter, painter: Painter, optimiser: PixelOptimiser, photo: Picture
) -> None:
    [made] = fine.score([photo.copy()])
    assert made.shape == photo.shape
    assert made.dtype == np.uint8
    before, after = (
        losses_of(optimiser, as_tensor(picture), as_tensor(photo))
        for picture in (painter.paint(photo), made)
    )
    assert total(after) < total(before)
    assert after.gram < before.gram
    assert after.tint < before.tint


def losses_of(optimiser: PixelOptimiser, picture: Tensor, photo: Tensor) -> Losses:
    torch.manual_seed(1)
    vgg = optimiser.vgg
    [painting] = optimiser.features(min(photo.shape[2:]))
    with torch.no_grad():
        return compare(vgg, picture, photo_features(vgg, photo, painting, 0), painting, 0)


def total(losses: Losses) -> Tensor:
    return losses.total(FINE_LOSSES, FINE_LOSSES.content_weight)


@needs_vgg
def test_a_frame_continues_the_one_before_and_another_scene_does_not(
    fine: FinePainter, painter: Painter, optimiser: PixelOptimiser, photo: Picture
) -> None:
    def afresh(frame: Picture) -> Picture:
        [made] = FinePainter(painter, optimiser, STEPS, torch.device("cpu")).score([frame])
        return made

    frames = [photo[:, 3 * n : 3 * n + 160] for n in range(2)]
    first, second = fine.score([frame.copy() for frame in frames])
    assert fine.report() == {"steps": STEPS, "continued": 1}
    inside = (slice(16, -16), slice(16, -16))
    alone, follows = (
        np.abs(first[:, 3:].astype(int) - other[:, :-3])[inside].mean()
        for other in (afresh(frames[1]), second)
    )
    assert follows < 0.7 * alone
    scene = np.ascontiguousarray(255 - photo[::-1, :160])
    [cut] = fine.score([scene.copy()])
    assert fine.report()["continued"] == 0
    assert np.abs(cut.astype(int) - afresh(scene)).max() <= 1  # nothing of the other scene


@needs_vgg
def test_a_worker_at_a_fine_frame_does_not_count_as_hung(
    fine: FinePainter, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(Progress, "step", lambda _: steps.append(1))
    fine.score([photo.copy()])
    assert len(steps) >= STEPS


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        ((720, 1280), (720, 1280)),
        ((2160, 3840), (720, 1280)),
        ((180, 320), (180, 320)),
        ((64, 96), (FEWEST_LINES, FEWEST_LINES * 3 // 2)),
    ],
)
def test_a_frame_keeps_its_lines_up_to_those_of_the_network(
    frame: tuple[int, int], size: tuple[int, int]
) -> None:
    assert fine_size(*frame) == size


def test_a_frame_that_is_too_narrow_is_rejected() -> None:
    with pytest.raises(Reject, match="16384×16 is too narrow for !fine"):
        fine_size(16, 16384)


@pytest.fixture
def painting() -> Iterator[Tensor]:
    yield torch.nn.functional.interpolate(torch.rand(1, 3, 8, 12), (96, 144), mode="bilinear")


def test_a_learnt_style_has_its_painting_in_it(painting: Tensor, style: Model) -> None:
    learnt = Model("mine", PAINTER, with_painting(style.data, painting), source="1")
    assert (painting_of(learnt) - painting).abs().mean() < 0.03
    network = load_network(WEIGHTS / "network.safetensors")
    vector = load_style(learnt.data, network)
    torch.testing.assert_close(vector, load_style(style.data, network))
    assert len(learnt.data) < 100_000


def test_shipped_styles_have_theirs_in_the_package() -> None:
    for model in shipped_models():
        if model.scorer == PAINTER:
            assert (PAINTINGS / f"{model.name}.jpg").exists()
            assert min(painting_of(model).shape[2:]) > 300


def test_a_style_without_its_painting_has_to_be_learnt_again() -> None:
    with pytest.raises(Reject, match="mine has no painting beside it; learn it again for !fine"):
        painting_of(Model("mine", PAINTER, save_style(torch.zeros(8)), source="1"))


def test_without_vgg16_the_error_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"painting with !fine need VGG16.*IMPASTO_VGG_WEIGHTS"):
        load_vgg(tmp_path / "none.safetensors")
