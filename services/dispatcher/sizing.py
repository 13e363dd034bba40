"""How many workers there should be, how large a chunk is, how many may wait. Pure functions."""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

#: What is left of a job is divided by this many chunks for each node. So chunks get smaller towards
#: the job's end, and the slowest node ends soon after the others.
CHUNKS_PER_NODE = 4
#: In shards: a segment of the usual size. The cost of a message is small by then, and the
#: next job doesn't wait long.
LARGEST_CHUNK = 12
#: In shards, while much of the job is left: a single shard isn't worth a message.
SMALLEST_CHUNK = 2
#: Chunks for each worker, the one that it scores included. A worker isn't started for fewer, since
#: a node takes minutes to come; nor are more sent at a time.
CHUNKS_PER_WORKER = 2


class ShardRange(NamedTuple):
    first_shard: int
    shards: int


def cut_into_chunks(
    shards: int, shards_after: int, nodes: int, at_once: int
) -> Iterator[ShardRange]:
    """Cut a segment's shards into chunks of nearly equal size.

    `shards_after` is how many shards of the job follow the segment, `at_once` how many of the job's
    segments are in flight. Together these give each node a chunk, as far as they have shards: four
    segments are four chunks on up to four nodes, and twenty on twenty nodes.
    """
    if shards == 0:
        yield ShardRange(0, 0)  # a damaged segment without items: the stitcher must be told as well
    of_segment = max(SMALLEST_CHUNK, shards // ceil(nodes / at_once))
    parts = nodes * CHUNKS_PER_NODE if nodes > 1 else 1  # a single node waits for no other
    first = 0
    while first < shards:
        left = shards - first
        most = min(LARGEST_CHUNK, of_segment, max(1, (left + shards_after) // parts))
        chunk = ShardRange(first, ceil(left / ceil(left / most)))
        yield chunk
        first += chunk.shards


def has_room(chunks: int, nodes: int) -> bool:
    """Whether more chunks may be sent. The limit leaves room for the next job's chunks."""
    return chunks < nodes * CHUNKS_PER_WORKER


def workers_for(chunks: int) -> int:
    return ceil(chunks / CHUNKS_PER_WORKER)


def workers_to_start(wanted: int, nodes: int, alive: int) -> int:
    return max(0, min(nodes, wanted) - alive)
