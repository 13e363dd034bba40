"""Records a function's GPU kernels as a CUDA graph for each input shape, and replays it.

A replay launches hundreds of kernels at once. Inputs and outputs are copied through pinned memory.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Work = Callable[[Tensor, Tensor], Tensor]
#: Enough for whole batches, the rest of a chunk and a single frame; then all graphs are dropped.
MOST_SHAPES = 4
#: Runs before the recording, in which libraries choose their algorithms.
WARM_UP_RUNS = 3


class Recording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    frames: Tensor
    styles: Tensor
    output: Tensor


class CudaGraphs:
    def __init__(self, work: Work, device: torch.device) -> None:
        self._work, self._device = work, device
        self._recordings: dict[torch.Size, Recording] = {}

    def __call__(self, frames: Tensor, styles: Tensor) -> Tensor:
        """Process frames in host memory; the result is in host memory, too."""
        if frames.shape not in self._recordings:
            if len(self._recordings) >= MOST_SHAPES:
                self._recordings.clear()
            self._recordings[frames.shape] = self._record(frames, styles)
        recording = self._recordings[frames.shape]
        recording.frames.copy_(frames.pin_memory(), non_blocking=True)
        recording.styles.copy_(styles)
        recording.graph.replay()
        output = torch.empty_like(recording.output, device="cpu", pin_memory=True)
        output.copy_(recording.output, non_blocking=True)
        torch.cuda.current_stream(self._device).synchronize()
        return output

    def _record(self, frames: Tensor, styles: Tensor) -> Recording:
        frames, styles = frames.to(self._device), styles.clone()
        stream = torch.cuda.current_stream(self._device)
        warm_up = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        warm_up.wait_stream(stream)
        with torch.cuda.stream(warm_up):
            for _ in range(WARM_UP_RUNS):  # if memory is too small, this raises OutOfMemoryError
                self._work(frames, styles)
        stream.wait_stream(warm_up)
        graph = torch.cuda.CUDAGraph()
        # "thread_local": other threads may use the GPU during the recording.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = self._work(frames, styles)
        return Recording(graph, frames, styles, output)
