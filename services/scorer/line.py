"""The line that a chunk's shards go along: fetched, decoded, scored, encoded.

The next items are fetched and decoded, and the last ones encoded and stored, while the scorer is
busy.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

from services.scorer.scorer import Scorer
from services.scorer.stopwatch import Stopwatch
from shared.ahead import ahead
from shared.errors import Malformed, Reject
from shared.shards import Item, unpack

T = TypeVar("T")
#: Decoded and not scored yet: the next shard is fetched meanwhile.
MANY = 16
#: What is scored and isn't stored yet is lost with its worker.
FEW = 2


class Piece(NamedTuple):
    shard: int
    name: str
    #: Whether it is its shard's last.
    last: bool
    value: Any


class Line:
    def __init__(
        self, scorer: Scorer[Any], fetch: Callable[[int], bytes], watch: Stopwatch
    ) -> None:
        self._scorer, self._fetch, self._watch = scorer, fetch, watch

    def run(self, shards: Iterable[int]) -> Generator[tuple[int, list[Item]]]:
        """Each shard with its scored items, in order. Close it to leave the rest undone."""
        with closing(ahead(self._scored(shards), FEW)) as scored:
            items: list[Item] = []
            for piece in scored:
                with self._watch.stage("encode"):
                    items.append(Item(piece.name, self._scorer.encode(piece.value)))
                if piece.last:
                    yield piece.shard, items
                    items = []

    def _scored(self, shards: Iterable[int]) -> Generator[Piece]:
        with closing(ahead(self._decoded(shards), MANY)) as decoded:
            for batch in batches(decoded, self._scorer.batch):
                with self._watch.stage("model"):
                    values = self._scorer.score([piece.value for piece in batch])
                if len(values) != len(batch):
                    raise Reject(f"the scorer made {len(values)} items of {len(batch)}")
                for piece, value in zip(batch, values, strict=True):
                    yield piece._replace(value=value)

    def _decoded(self, shards: Iterable[int]) -> Generator[Piece]:
        for shard in shards:
            with self._watch.stage("download"):
                items = unpack(self._fetch(shard))
            if not items:
                raise Malformed(f"shard {shard} has nothing in it")
            for item in items:
                with self._watch.stage("decode"):
                    value = self._scorer.decode(item.data)
                yield Piece(shard, item.name, item is items[-1], value)


def batches(pieces: Iterable[T], size: int) -> Iterator[list[T]]:
    batch: list[T] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
