"""The formula for the cost of an hour of video."""

from collections import Counter

import pytest

from benchmarks.cost import RATE, bill
from benchmarks.storage_requests import BLOBS, QUEUES, Kind
from shared.telemetry.prices import NODE_HOUR


def test_a_node_that_paints_at_the_videos_frame_rate_takes_an_hour() -> None:
    node, *others = bill(RATE, Counter(), frames=100)
    assert node.dollars == pytest.approx(NODE_HOUR)
    assert sum(item.dollars for item in others) == 0


def test_each_operation_has_its_price() -> None:
    asked = Counter(
        {Kind(BLOBS, "writes"): 10, Kind(BLOBS, "reads"): 20, Kind(QUEUES, "peeks", timed=True): 30}
    )
    _, writes, reads, queues = bill(RATE, asked, frames=RATE * 3600)
    assert [10_000 * item.amount for item in (writes, reads, queues)] == pytest.approx([10, 20, 30])
