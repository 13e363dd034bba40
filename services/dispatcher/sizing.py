"""How much work goes into one chunk, and how many workers it takes. Pure arithmetic."""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

#: Chunks a node gets of one job: enough that the slowest node ends soon after the others.
CHUNKS_PER_NODE = 4


class Run(NamedTuple):
    first_shard: int
    shards: int


def shards_per_chunk(items: int, nodes: int, items_per_shard: float) -> int:
    return max(1, ceil(items / (nodes * CHUNKS_PER_NODE) / items_per_shard))


def runs(shards: int, per_chunk: int) -> Iterator[Run]:
    """A segment's shards in runs of at most so many, evened out so that no run is a crumb."""
    count = max(1, ceil(shards / per_chunk))  # a segment of no shards is a chunk of none
    for index in range(count):
        first = index * shards // count
        yield Run(first, (index + 1) * shards // count - first)


def workers_to_start(outstanding: int, nodes: int, alive: int) -> int:
    return max(0, min(nodes, outstanding) - alive)
