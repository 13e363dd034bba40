"""Frames of videos to train on. Only training uses PyAV."""

from pathlib import Path

import av
import numpy as np
from torch import Tensor

from workloads.video.training.pictures import as_tensor

STEP = 8


def frames(clip: Path) -> list[Tensor]:  # each [1, 3, H, W] in 0…1
    """Every eighth frame of the first half; benchmarks use the second half."""
    with av.open(str(clip)) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    chosen = decoded[: len(decoded) // 2 : STEP]
    return [as_tensor(frame.astype(np.uint8)) for frame in chosen]
