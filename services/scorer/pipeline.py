"""The line that a chunk's shards go along: fetched, decoded, scored, encoded.

The next items are fetched and decoded, and the last ones encoded and stored, while the scorer is
busy.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple, TypeVar

from services.scorer.scorer import Scorer
from services.scorer.stopwatch import Stopwatch
from shared.errors import Malformed, Reject
from shared.prefetch import prefetch
from shared.shards import Item, unpack

T = TypeVar("T")
#: Decoded and not scored yet: the next shard is fetched meanwhile.
DECODED_AHEAD = 16
#: … or fewer, so that large ones don't fill the memory.
DECODED_BYTES = 256 * 1024 * 1024
#: What is scored and isn't stored yet is lost with its worker.
SCORED_AHEAD = 2


class Piece(NamedTuple):
    shard: int
    name: str
    #: Whether it is its shard's last.
    last: bool
    value: Any


class Pipeline:
    def __init__(
        self, scorer: Scorer[Any], fetch: Callable[[int], bytes], watch: Stopwatch
    ) -> None:
        self._scorer, self._fetch, self._watch = scorer, fetch, watch

    def run(self, shards: Iterable[int]) -> Generator[tuple[int, list[Item]]]:
        """Each shard with its scored items, in order. Close it to leave the rest undone."""
        with closing(prefetch(self._scored(shards), SCORED_AHEAD)) as scored:
            items: list[Item] = []
            for piece in scored:
                with self._watch.stage("encode"):
                    items.append(Item(piece.name, self._scorer.encode(piece.value)))
                if piece.last:
                    yield piece.shard, items
                    items = []

    def _scored(self, shards: Iterable[int]) -> Generator[Piece]:
        source = self._decoded(shards)
        first = next(source, None)
        if first is None:
            return
        size = getattr(first.value, "nbytes", 0)  # all are of one size
        depth = max(1, min(DECODED_AHEAD, DECODED_BYTES // max(1, size)))
        with (
            closing(prefetch(starting_with(first, source), depth)) as decoded,
            closing(self._begun(batches(decoded, self._scorer.batch), size)) as begun,
        ):
            for result in begun:
                with self._watch.stage("model"):
                    pieces = result()
                yield from pieces

    def _begun(
        self, todo: Iterable[list[Piece]], size: int
    ) -> Generator[Callable[[], list[Piece]]]:
        """What each batch comes to. Of several at once, one more is begun than is waited for."""
        threads = self._scorer.threads
        if threads and threads.fitting:
            threads = threads.fitting(size)
        if threads is None:
            yield from (partial(self._score, batch) for batch in todo)
            return
        begun: deque[Future[list[Piece]]] = deque()
        try:
            for batch in todo:
                begun.append(threads.pool.submit(self._score, batch))
                if len(begun) > threads.size:
                    yield begun.popleft().result
            while begun:
                yield begun.popleft().result
        finally:
            for future in begun:
                future.cancel()

    def _score(self, batch: list[Piece]) -> list[Piece]:
        values = self._scorer.score([piece.value for piece in batch])
        if len(values) != len(batch):
            raise Reject(f"the scorer made {len(values)} items of {len(batch)}")
        return [piece._replace(value=value) for piece, value in zip(batch, values, strict=True)]

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


def starting_with(first: Piece, rest: Generator[Piece]) -> Generator[Piece]:
    yield first
    yield from rest


def batches(pieces: Iterable[T], size: int) -> Iterator[list[T]]:
    batch: list[T] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
