"""A replayed CUDA graph gives the same result as the function that was recorded."""

import pytest
import torch
from torch import Tensor

from workloads.video.scoring.cuda_graphs import MOST_SHAPES, CudaGraphs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def work(frames: Tensor, styles: Tensor) -> Tensor:
    return (frames.half() * styles[:, None, None, :]).to(torch.uint8)


@torch.inference_mode()
def test_each_shape_and_style_gives_the_functions_result() -> None:
    recorded = CudaGraphs(work, torch.device("cuda"))
    for turn in range(2):
        for batch in range(1, MOST_SHAPES + 3):
            frames = torch.randint(0, 50, (batch, 8, 6, 3), dtype=torch.uint8)
            styles = torch.full((1, 3), 1.0 + turn, device="cuda").half().expand(batch, -1)
            wanted = work(frames.cuda(), styles).cpu()
            assert torch.equal(recorded(frames, styles), wanted)


@torch.inference_mode()
def test_a_result_is_not_overwritten_by_the_next_replay() -> None:
    recorded = CudaGraphs(work, torch.device("cuda"))
    styles = torch.ones(2, 3, device="cuda").half()
    first = recorded(torch.full((2, 4, 4, 3), 7, dtype=torch.uint8), styles)
    recorded(torch.full((2, 4, 4, 3), 9, dtype=torch.uint8), styles)
    assert bool((first == 7).all())
