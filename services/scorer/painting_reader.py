"""Paintings that people bring, opened in a sandbox: an image can be as hostile as a video."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from services.scorer.settings import ScorerSettings
from shared.errors import ChildDied, ChildKilled, Refused
from shared.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from torch import Tensor

#: Of a picture; it is no larger than the paintings that the network was taught with.
MOST = 2048
#: Takes the largest picture that is opened, as four bytes a pixel, three times.
MEMORY_MIB = 2048


class Size(BaseModel):
    height: int = Field(gt=0, le=MOST)
    width: int = Field(gt=0, le=MOST)


class PaintingReader:
    def __init__(self, settings: ScorerSettings) -> None:
        seconds = settings.painting_seconds
        limits = Limits(MEMORY_MIB, seconds, seconds, cpu_seconds=1 + int(seconds))
        module = "services.scorer.training.read_painting"
        self._sandbox = Sandbox(module, limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def read(self, data: bytes, check: Callable[[], None]) -> "Tensor":  # [1, 3, H, W] in 0…1
        """Refused with the reason where it isn't a picture, or takes too long or too much."""
        from services.scorer.training.pictures import as_tensor

        files = {"painting": lambda: io.BytesIO(data)}
        try:
            with self._sandbox.run(check, "read", Size, {}, files) as found:
                [(size, pixels)] = found
        except ChildKilled:
            raise  # by somebody, for no fault of the painting's
        except ChildDied as trouble:
            raise Refused(f"the image can't be read: {trouble}") from trouble
        if len(pixels) != size.height * size.width * 3:
            raise Refused("the image can't be read: its size isn't that of its pixels")
        array = np.frombuffer(pixels, np.uint8).reshape(size.height, size.width, 3)
        return as_tensor(array.copy())
