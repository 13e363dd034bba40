"""How much work goes into one chunk, how many chunks may wait, how many workers it takes. Pure."""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

#: What is left of a job is cut as if each node got so many chunks of it: they shrink towards its
#: end, where the slowest node should end soon after the others.
CHUNKS_PER_NODE = 4
#: A segment of ten seconds at 30 frames: what a chunk costs beside its shards is small by then, and
#: whoever comes next needn't wait long.
LARGEST_CHUNK = 12
#: While there is a lot left, one shard isn't worth a message of its own.
SMALLEST_CHUNK = 2
#: Chunks for each worker, the one in its hand included: fewer aren't worth the minutes that a node
#: takes to come, and while they are worked off, more are sent.
CHUNKS_PER_WORKER = 2


class Run(NamedTuple):
    first_shard: int
    shards: int


def runs(shards: int, shards_after: int, nodes: int, at_once: int) -> Iterator[Run]:
    """A segment's shards in runs of about the same size.

    So many shards of its job come after it, and so many of its job's segments are split at a time:
    together they give each node a chunk, as far as they have shards for that. On up to four nodes,
    four segments are four chunks; on twenty nodes they are twenty.
    """
    if shards == 0:
        yield Run(0, 0)  # nothing is left of a damaged segment: that too has to be said onwards
    of_segment = max(SMALLEST_CHUNK, shards // ceil(nodes / at_once))
    parts = nodes * CHUNKS_PER_NODE if nodes > 1 else 1  # a lone node waits for no other
    first = 0
    while first < shards:
        left = shards - first
        most = min(LARGEST_CHUNK, of_segment, max(1, (left + shards_after) // parts))
        run = Run(first, ceil(left / ceil(left / most)))
        yield run
        first += run.shards


def has_room(chunks: int, nodes: int) -> bool:
    """Whether more chunks may be sent. Those of a long job then leave room for who comes next."""
    return chunks < nodes * CHUNKS_PER_WORKER


def workers_for(chunks: int) -> int:
    return ceil(chunks / CHUNKS_PER_WORKER)


def workers_to_start(wanted: int, nodes: int, alive: int) -> int:
    return max(0, min(nodes, wanted) - alive)
