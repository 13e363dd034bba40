"""What a picture is painted with: the Gram matrices of its features, patch by patch."""

import torch
from torch import Tensor

from services.scorer.training.eye import STYLE_LAYERS, Features

Manner = dict[int, Tensor]  # of each layer [P, C, C]


def manner_of(features: Features, along: int = 1) -> Manner:
    """Of one picture; of as many patches as asked for along either side."""
    return {layer: gram(in_patches(seen, along)) for layer, seen in features.items()}


def in_patches(features: Tensor, along: int) -> Tensor:  # [1, C, H, W] -> [along², H'W', C]
    height, width = (side // along for side in features.shape[2:])
    whole = features[0].permute(1, 2, 0)[: height * along, : width * along]
    cut = whole.reshape(along, height, along, width, -1)
    return cut.transpose(1, 2).flatten(0, 1).flatten(1, 2)


def gram(pixels: Tensor) -> Tensor:  # [P, N, C] -> [P, C, C]
    return torch.bmm(pixels.transpose(1, 2), pixels).float() / pixels.shape[1]


def far(made: Manner, wanted: Manner) -> Tensor:
    """The one picture from the other on the whole, in the other's size; layers added up."""
    distances = [off(made[i].mean(0), wanted[i].mean(0)) for i in STYLE_LAYERS]
    return torch.stack(distances).sum()


def far_in_parts(made: Manner, wanted: Manner, alike: Tensor) -> Tensor:
    """Each patch from one of the other picture's, whose numbers are in `alike`."""
    distances = [
        (made[i] - wanted[i][alike]).square().sum() / len(alike) / squares(wanted[i])
        for i in STYLE_LAYERS
    ]
    return torch.stack(distances).sum()


def counterparts(photo: Manner, photos: Manner, painting: Manner) -> Tensor:  # [P]
    """Which patch of the painting is among its own what each of the photo's is among photos':
    what is flat, or dark, there is painted as what is flat, or dark, here."""
    likeness = torch.zeros(())
    for layer, grams in photo.items():
        there, here = apart(grams, photos[layer]), apart(painting[layer], painting[layer])
        likeness = likeness + there @ here.T
    return likeness.argmax(1)


def apart(grams: Tensor, others: Tensor) -> Tensor:  # [P, C, C] -> [P, C²]
    """In which direction each lies from the mean of its kind."""
    return torch.nn.functional.normalize((grams - others.mean(0)).flatten(1))


def off(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().sum() / wanted.square().sum()


def squares(grams: Tensor) -> Tensor:  # [P, C, C] -> their mean
    return grams.square().sum() / len(grams)
