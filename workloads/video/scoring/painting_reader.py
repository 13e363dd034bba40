"""Reads uploaded paintings in a sandbox, because an image may be as hostile as a video."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from shared.errors import ChildDied, ChildKilled, Refused
from shared.sandbox import Limits, Sandbox
from workloads.video.settings import ScoringSettings

if TYPE_CHECKING:
    from torch import Tensor

#: The largest side of the picture that the sandbox returns; it scales larger ones down.
LARGEST_SIDE = 2048
#: Enough for three copies of the largest image that is read, at four bytes a pixel.
MEMORY_MIB = 2048


class Size(BaseModel):
    height: int = Field(gt=0, le=LARGEST_SIDE)
    width: int = Field(gt=0, le=LARGEST_SIDE)


class PaintingReader:
    def __init__(self, settings: ScoringSettings) -> None:
        seconds = settings.painting_seconds
        limits = Limits(MEMORY_MIB, seconds, seconds, cpu_seconds=1 + int(seconds))
        module = "workloads.video.training.read_painting"
        self._sandbox = Sandbox(module, limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def read(self, data: bytes, check: Callable[[], None]) -> "Tensor":  # [1, 3, H, W] in 0…1
        """Read an image; Refused if it isn't one, takes too long or needs too much memory."""
        from workloads.video.training.pictures import as_tensor

        files = {"painting": lambda: io.BytesIO(data)}
        try:
            with self._sandbox.run(check, "read", Size, {}, files) as found:
                [(size, pixels)] = found
        except ChildKilled:
            raise  # killed from outside: that says nothing about the painting
        except ChildDied as error:
            raise Refused(f"the image can't be read: {error}") from error
        if len(pixels) != size.height * size.width * 3:
            raise Refused("the image can't be read: its size and its pixels disagree")
        array = np.frombuffer(pixels, np.uint8).reshape(size.height, size.width, 3)
        return as_tensor(array.copy())
