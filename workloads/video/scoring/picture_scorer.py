"""The base class of scorers of pictures, and the scorer `original`, which changes nothing.

A package registers a scorer by an entry point of the group `impasto.scorers`. Its object is called
with the `Model` that a job names, and returns a `shared.scorer.Scorer`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from shared.errors import Reject
from shared.models import Model
from shared.scorer import Threads

#: The quality of the JPEGs that the scorer stores for the stitcher.
QUALITY = 95

Picture = NDArray[np.uint8]  # [H, W, 3], RGB


class Original:
    """The identity: returns every item unchanged."""

    device = "none"
    batch = 16
    threads: Threads | None = None

    def __init__(self, model: Model) -> None:
        pass

    def decode(self, data: bytes) -> bytes:
        return data

    def score(self, values: Sequence[bytes]) -> Sequence[bytes]:
        return values

    def encode(self, value: bytes) -> bytes:
        return value

    def count(self, value: bytes) -> int:
        return 1

    def report(self) -> dict[str, float | str]:
        return {}


class PictureScorer(ABC):
    """A base class for scorers that map each picture to one of the same shape."""

    device = "cpu"
    batch = 1
    threads: Threads | None = None

    def __init__(self, model: Model) -> None:
        self.model = model

    @abstractmethod
    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        """Return the scored pictures; `values` may be overwritten."""

    def decode(self, data: bytes) -> Picture:
        try:
            picture: Picture = simplejpeg.decode_jpeg(data, "RGB")
        except ValueError as error:
            raise Reject(f"an item isn't a JPEG: {error}") from error
        return picture

    def encode(self, value: Picture) -> bytes:
        encoded: bytes = simplejpeg.encode_jpeg(value, QUALITY, "RGB", "420")
        return encoded

    def count(self, value: Picture) -> int:
        return 1

    def report(self) -> dict[str, float | str]:
        return {}
