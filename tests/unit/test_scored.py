"""The items that a worker scored, summed up by job."""

from services.console.tables import items_of
from shared.clusters.batchai.scored import ReportedShard, by_job


def line(job: str, items: int, first: int | None) -> ReportedShard:
    return ReportedShard(
        source=f"{job}.mp4",
        job=job,
        segment=0,
        chunk=0,
        items=items,
        first_item=first,
        seconds=items / 100,
    )


def test_items_of_each_job_are_joined() -> None:
    lines = [line("a", 25, 50), line("b", 25, 0), line("a", 25, 0), line("a", 25, 25)]
    lines.append(line("a", 10, 100))
    first, second = by_job(lines)
    assert (first.source, first.items, first.ranges) == ("a.mp4", 85, [(0, 74), (100, 109)])
    assert first.seconds == 0.85
    assert (second.source, second.ranges) == ("b.mp4", [(0, 24)])
    assert items_of(first) == "a.mp4: 85 items (0–74, 100–109)"


def test_items_without_numbers_are_counted() -> None:
    [found] = by_job([line("a", 512, None), line("a", 88, None)])
    assert found.ranges == []
    assert items_of(found) == "a.mp4: 600 items"
