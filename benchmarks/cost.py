"""What an hour of video costs on Azure: measured amounts times list prices.

    node-hours × its price + Σ operations ÷ 10,000 × their price

where an hour of video has 3,600 × its rate frames, node-hours are frames ÷ (frames/s of a node) ÷
3,600, and operations are frames × operations a frame.
"""

from collections import Counter
from typing import NamedTuple

from benchmarks.measured_stack import Run
from benchmarks.report import Table
from benchmarks.storage_requests import DELETIONS, QUEUES, Kind, count_requests
from shared.telemetry.prices import (
    NODE,
    NODE_HOUR,
    TEN_THOUSAND_QUEUED,
    TEN_THOUSAND_READS,
    TEN_THOUSAND_WRITES,
)

RATE = 25
#: Operations on blobs that aren't priced as writes.
READS = ("reads", "reads of properties", DELETIONS.name)


class Item(NamedTuple):
    what: str
    amount: float
    unit: str
    price: float

    @property
    def dollars(self) -> float:
        return self.amount * self.price


def hour_of_video(run: Run) -> Table:
    """The costs if all services run on one node."""
    items = bill(run.frames / run.seconds, count_requests(run.requests), run.frames)
    rows = [(i.what, f"{i.amount:.2f} {i.unit}", f"${i.price}", f"${i.dollars:.3f}") for i in items]
    total = ("**an hour of video**", "", "", f"**${sum(item.dollars for item in items):.2f}**")
    return Table(("", "amount", "price", ""), [*rows, total])


def bill(frames_per_second: float, operations: Counter[Kind], frames: int) -> list[Item]:
    hour = RATE * 3600
    counts = dict.fromkeys(("write", "read", "queue"), 0)
    for kind, count in operations.items():
        if kind.account == QUEUES:
            counts["queue"] += count
        else:
            counts["read" if kind.name in READS else "write"] += count
    tens = {name: count * hour / frames / 10_000 for name, count in counts.items()}
    return [
        Item(NODE, hour / frames_per_second / 3600, "hours", NODE_HOUR),
        Item("storage: writes, listings, leases", tens["write"], "× 10,000", TEN_THOUSAND_WRITES),
        Item("storage: reads, deletions", tens["read"], "× 10,000", TEN_THOUSAND_READS),
        Item("queues", tens["queue"], "× 10,000", TEN_THOUSAND_QUEUED),
    ]
