"""The interface of scorers, and the scorer `original`, which changes nothing.

A package registers a scorer by an entry point of the group `impasto.scorers`. Jobs use the entry
point's name; calling its object returns a scorer. Scorers of pictures can subclass `PictureScorer`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from shared.errors import Reject

#: The quality of the JPEGs that the scorer stores for the stitcher.
QUALITY = 95

Picture = NDArray[np.uint8]  # [H, W, 3], RGB


V = TypeVar("V")


class Threads(NamedTuple):
    pool: Executor
    size: int
    #: Returns the threads for items of so many bytes: fewer, if memory isn't enough for all.
    fitting: "Callable[[int], Threads] | None" = None


class Scorer(Protocol[V]):
    """`decode` and `encode` run in threads of their own, one call at a time."""

    #: The name of the device, for the chunk's report.
    device: str
    #: How many items `score` takes at once.
    batch: int
    #: The threads in which several batches are scored at the same time; None: one after another.
    threads: Threads | None

    def decode(self, data: bytes) -> V:
        """Convert a stored item to a value."""

    def score(self, values: Sequence[V]) -> Sequence[V]:
        """Return as many values as are given, in the same order."""

    def encode(self, value: V) -> bytes:
        """Convert a value to an item to store."""

    def report(self) -> dict[str, float | str]:
        """Details of the chunk that was just scored, for its report."""


class Original:
    """The identity: returns every item unchanged."""

    device = "none"
    batch = 16
    threads: Threads | None = None

    def decode(self, data: bytes) -> bytes:
        return data

    def score(self, values: Sequence[bytes]) -> Sequence[bytes]:
        return values

    def encode(self, value: bytes) -> bytes:
        return value

    def report(self) -> dict[str, float | str]:
        return {}


class PictureScorer(ABC):
    """A base class for scorers that map each picture to one of the same shape."""

    device = "cpu"
    batch = 1
    threads: Threads | None = None

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

    def report(self) -> dict[str, float | str]:
        return {}


class BlendedWithSource(PictureScorer):
    """Blends another scorer's result with the source: 0 is the source, 1 the full result."""

    def __init__(self, scorer: PictureScorer, strength: float) -> None:
        self._scorer, self._strength = scorer, strength
        self.device, self.batch, self.threads = scorer.device, scorer.batch, scorer.threads

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        sources = [value.astype(np.float32) for value in values]
        scored = self._scorer.score(values)
        return [
            np.rint(source + (made - source) * np.float32(self._strength)).astype(np.uint8)
            for source, made in zip(sources, scored, strict=True)
        ]

    def report(self) -> dict[str, float | str]:
        return self._scorer.report()
