"""Muon: steps whose directions all weigh the same (Jordan 2024), for convolutions.

A gradient is dominated by a few directions; made orthogonal, it moves the weights along all.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
#: Newton and Schulz's iteration towards the nearest orthogonal matrix, steep at small values.
STEEP = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
                ahead = weight.grad.lerp(momentum, MOMENTUM).flatten(1)
                change = orthogonal(ahead)
                # As large as Adam's steps are, whatever the matrix's shape.
                size = 0.2 * max(change.shape) ** 0.5
                weight.sub_(change.view_as(weight), alpha=group["lr"] * size)


def orthogonal(matrix: Tensor) -> Tensor:
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = STEEP
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    found: Tensor = x.T if matrix.shape[0] > matrix.shape[1] else x
    return found
