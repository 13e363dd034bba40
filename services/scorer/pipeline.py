"""The pipeline for a chunk's shards: fetch, decode, score and encode them, in order.

While the scorer is busy, other threads fetch and decode the next items and encode the last ones.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple, TypeVar

from services.scorer.stopwatch import Stopwatch
from shared.errors import Malformed, Reject
from shared.prefetch import prefetch
from shared.scorer import Scorer
from shared.shards import Item, unpack

T = TypeVar("T")
#: How many items are prefetched, decoded, for the scorer.
DECODED_AHEAD = 16
#: A bound on their memory, so that there are fewer of large items.
DECODED_BYTES = 256 * 1024 * 1024
#: How many scored items wait to be encoded. Few, because they are lost if the worker dies.
SCORED_AHEAD = 2


class ScoredShard(NamedTuple):
    number: int
    items: list[Item]
    #: How many of the job's items that is.
    item_count: int


class Piece(NamedTuple):
    shard: int
    name: str
    last_of_shard: bool
    value: Any


class Pipeline:
    def __init__(
        self, scorer: Scorer[Any], fetch: Callable[[int], bytes], watch: Stopwatch
    ) -> None:
        self._scorer, self._fetch, self._watch = scorer, fetch, watch

    def run(self, shards: Iterable[int]) -> Generator[ScoredShard]:
        """Yield each shard, scored, in order; close it to stop early."""
        with closing(prefetch(self._scored(shards), SCORED_AHEAD)) as scored:
            items: list[Item] = []
            count = 0
            for piece in scored:
                with self._watch.stage("encode"):
                    items.append(Item(piece.name, self._scorer.encode(piece.value)))
                    count += self._scorer.count(piece.value)
                if piece.last_of_shard:
                    yield ScoredShard(piece.shard, items, count)
                    items, count = [], 0

    def _scored(self, shards: Iterable[int]) -> Generator[Piece]:
        source = self._decoded(shards)
        first = next(source, None)
        if first is None:
            return
        size = getattr(first.value, "nbytes", 0)  # all items of a chunk have the same size
        depth = max(1, min(DECODED_AHEAD, DECODED_BYTES // max(1, size)))
        with (
            closing(prefetch(starting_with(first, source), depth)) as decoded,
            closing(self._results(batches(decoded, self._scorer.batch), size)) as results,
        ):
            for result in results:
                with self._watch.stage("model"):
                    pieces = result()
                yield from pieces

    def _results(
        self, todo: Iterable[list[Piece]], size: int
    ) -> Generator[Callable[[], list[Piece]]]:
        """Yield a function for each batch that waits for its result.

        With several threads, one batch more than there are threads is submitted.
        """
        threads = self._scorer.threads
        if threads and threads.fitting:
            threads = threads.fitting(size)
        if threads is None:
            yield from (partial(self._score, batch) for batch in todo)
            return
        in_flight: deque[Future[list[Piece]]] = deque()
        try:
            for batch in todo:
                in_flight.append(threads.pool.submit(self._score, batch))
                if len(in_flight) > threads.size:
                    yield in_flight.popleft().result
            while in_flight:
                yield in_flight.popleft().result
        finally:
            for future in in_flight:
                future.cancel()

    def _score(self, batch: list[Piece]) -> list[Piece]:
        values = self._scorer.score([piece.value for piece in batch])
        if len(values) != len(batch):
            raise Reject(f"the scorer returned {len(values)} items for {len(batch)}")
        return [piece._replace(value=value) for piece, value in zip(batch, values, strict=True)]

    def _decoded(self, shards: Iterable[int]) -> Generator[Piece]:
        for shard in shards:
            with self._watch.stage("download"):
                items = unpack(self._fetch(shard))
            if not items:
                raise Malformed(f"shard {shard} is empty")
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
