"""What a scorer is: items in, as many items out, and what it wants to be known of it.

A package brings one of its own by an entry point of the group `impasto.scorers`: its name is what
jobs ask for, and calling it makes a scorer. Most want to subclass `PictureScorer`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from shared.errors import Reject

#: Of a JPEG on its way from the scorer to the stitcher.
QUALITY = 95

Picture = NDArray[np.uint8]  # [H, W, 3], RGB


V = TypeVar("V")


class Threads(NamedTuple):
    pool: Executor
    size: int
    #: Fewer, for items of so many bytes, where memory wouldn't do for as many at once.
    fitting: "Callable[[int], Threads] | None" = None


class Scorer(Protocol[V]):
    """`decode` and `encode` run beside `score`, in threads of their own, one call at a time."""

    #: What it runs on, for the report.
    device: str
    #: How many items it likes to be given at once.
    batch: int
    #: In which so many batches may be scored at once; None: one after another.
    threads: Threads | None

    def decode(self, data: bytes) -> V:
        """An item, as it is stored."""

    def score(self, values: Sequence[V]) -> Sequence[V]:
        """As many as are given, in their order."""

    def encode(self, value: V) -> bytes:
        """An item, as it will be stored."""

    def report(self) -> dict[str, float | str]:
        """What else it wants to be known of the chunk that it just scored."""


class Original:
    """The identity: what the pipeline does when the model does nothing."""

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
    """A scorer of pictures: they come as arrays, and leave as arrays of the same shapes."""

    device = "cpu"
    batch = 1
    threads: Threads | None = None

    @abstractmethod
    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        """Pictures to pictures; those given may be written over."""

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
    """What another scorer makes, laid over the source by so much."""

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
