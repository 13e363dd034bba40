"""The items that a worker scored: lines of JSON in an output directory of its Batch AI job."""

from collections.abc import Iterable

from pydantic import BaseModel

from shared.clusters.state import ScoredItems

#: The output directory's id, the variable that tells a job where it is, and the file in it.
OUTPUT_ID = "SCORED"
VARIABLE = f"AZ_BATCHAI_OUTPUT_{OUTPUT_ID}"
FILE = "scored.jsonl"


class ReportedShard(BaseModel):
    """One line. Items count from 0 in the job; they are numbered where shards are of one size."""

    source: str
    job: str
    segment: int
    chunk: int
    items: int
    first_item: int | None
    seconds: float


def by_job(shards: Iterable[ReportedShard]) -> list[ScoredItems]:
    """The items of each job, with adjacent ranges joined."""
    found: dict[str, ScoredItems] = {}
    for shard in sorted(shards, key=lambda shard: (shard.source, shard.first_item or 0)):
        new = ScoredItems(source=shard.source, job=shard.job, items=0, ranges=[], seconds=0)
        scored = found.setdefault(shard.job, new)
        scored.items += shard.items
        scored.seconds = round(scored.seconds + shard.seconds, 3)
        if shard.first_item is not None:
            add_range(scored.ranges, shard.first_item, shard.first_item + shard.items - 1)
    return list(found.values())


def add_range(ranges: list[tuple[int, int]], first: int, last: int) -> None:
    if ranges and ranges[-1][1] + 1 >= first:
        first, last = ranges[-1][0], max(last, ranges.pop()[1])
    ranges.append((first, last))
