"""Work for a GPU, recorded once for each shape of its input: hundreds of orders become one.

What it works on comes and goes through pinned memory, which needs no copy in between.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Work = Callable[[Tensor, Tensor], Tensor]
#: Whole batches, what is left at a chunk's end, and a frame alone; then all are recorded anew.
MOST_SHAPES = 4
#: Before it is recorded: libraries choose their ways at first.
REHEARSALS = 3


class Recording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    frames: Tensor
    styles: Tensor
    done: Tensor


class CudaGraphs:
    def __init__(self, work: Work, device: torch.device) -> None:
        self._work, self._device = work, device
        self._recordings: dict[torch.Size, Recording] = {}

    def __call__(self, frames: Tensor, styles: Tensor) -> Tensor:
        """Frames from the host, and what became of them back there."""
        if frames.shape not in self._recordings:
            if len(self._recordings) >= MOST_SHAPES:
                self._recordings.clear()
            self._recordings[frames.shape] = self._record(frames, styles)
        recording = self._recordings[frames.shape]
        recording.frames.copy_(frames.pin_memory(), non_blocking=True)
        recording.styles.copy_(styles)
        recording.graph.replay()
        done = torch.empty_like(recording.done, device="cpu", pin_memory=True)
        done.copy_(recording.done, non_blocking=True)
        torch.cuda.current_stream(self._device).synchronize()
        return done

    def _record(self, frames: Tensor, styles: Tensor) -> Recording:
        frames, styles = frames.to(self._device), styles.clone()
        now = torch.cuda.current_stream(self._device)
        aside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        aside.wait_stream(now)
        with torch.cuda.stream(aside):
            for _ in range(REHEARSALS):  # where memory is short, it is so here
                self._work(frames, styles)
        now.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may ask things of the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            done = self._work(frames, styles)
        return Recording(graph, frames, styles, done)
