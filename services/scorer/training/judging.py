"""How far painted pictures are from what is wanted of them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from services.scorer.training.eye import CONTENT_LAYER, Eye, inner
from services.scorer.training.manner import Manner, counterparts, far, far_in_parts, manner_of

#: Along either side of a piece that is painted, and of a painting.
PATCHES = 3
PARTS = 4


class Wanted(NamedTuple):
    """A painting's manner; that of plain photos, and how far it is: what style is measured in."""

    manner: Manner
    photos: Manner
    plain: float


@torch.no_grad()
def wanted(eye: Eye, painting: Tensor, photos: list[Tensor]) -> Wanted:
    manner = manner_of(eye(painting), PARTS)
    plain = [manner_of(eye(photo)) for photo in photos]
    mean = {layer: torch.cat([photo[layer] for photo in plain]).mean(0)[None] for layer in manner}
    return Wanted(manner, mean, float(sum(far(photo, manner) for photo in plain)) / len(plain))


class Judgement(NamedTuple):
    """All are 0 at best; of content 1 is as far as from no picture, of the others from a photo."""

    content: Tensor
    style: Tensor  # on the whole
    patches: Tensor  # each from the part of the painting that is its counterpart


def judge(eye: Eye, painted: Tensor, photos: Tensor, wishes: Sequence[Wanted]) -> Judgement:
    with torch.no_grad():
        source = eye(inner(photos), CONTENT_LAYER)
    seen = eye(inner(painted))
    there = source[CONTENT_LAYER].float()
    error = (seen[CONTENT_LAYER].float() - there).square().mean((1, 2, 3))
    style, patches = [], []
    for n, wish in enumerate(wishes):
        made, photo = (
            manner_of({layer: features[n : n + 1] for layer, features in whole.items()}, PATCHES)
            for whole in (seen, source)
        )
        alike = counterparts(photo, wish.photos, wish.manner)
        style.append(far(made, wish.manner) / wish.plain)
        patches.append(far_in_parts(made, wish.manner, alike) / wish.plain)
    return Judgement(
        (error / there.var((1, 2, 3))).mean(),
        torch.stack(style).mean(),
        torch.stack(patches).mean(),
    )
