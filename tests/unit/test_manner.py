"""What pictures are painted with: how far they are apart, and which parts are like which."""

import torch
from torch import Tensor

from services.scorer.training.eye import STYLE_LAYERS, Features
from services.scorer.training.manner import Manner, counterparts, far, far_in_parts, manner_of


def features(picture: Tensor) -> Features:
    """As an eye would see it that sees colours alone, at every layer alike."""
    return dict.fromkeys(STYLE_LAYERS, picture[None])


def halves(left: float, right: float, size: int = 8) -> Manner:
    """Of a picture that is as busy as said on either side, in four patches."""
    torch.manual_seed(0)
    noise = torch.randn(3, size, size)
    noise[:, :, : size // 2] *= left
    noise[:, :, size // 2 :] *= right
    return manner_of(features(0.5 + noise), 2)


def test_a_picture_is_no_way_from_itself() -> None:
    made = manner_of(features(torch.rand(3, 12, 12)), 3)
    assert far(made, made) == 0
    assert far_in_parts(made, made, torch.arange(9)) == 0
    assert far_in_parts(made, made, torch.zeros(9, dtype=torch.long)) > 0


def test_the_whole_is_the_mean_of_its_patches() -> None:
    picture = features(torch.rand(3, 12, 12))
    assert far(manner_of(picture, 3), manner_of(picture)) < 1e-10


def test_what_is_flat_is_like_what_is_flat() -> None:
    photo, photos = halves(0, 1), manner_of(features(0.5 + 0.3 * torch.randn(3, 16, 16)))
    painting = halves(2, 0.1)  # its left is the busy side
    left, right = {0, 2}, {1, 3}
    alike = counterparts(photo, photos, painting).tolist()
    assert set(alike[::2]) <= right
    assert set(alike[1::2]) <= left
