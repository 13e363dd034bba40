"""Where a job's time, CPU and money went, from its trace."""

from collections import defaultdict
from itertools import pairwise

from pydantic import BaseModel

from shared.control.traces import SECOND, KeptSpan, Trace
from shared.telemetry.prices import (
    NODE_HOUR,
    TEN_THOUSAND_QUEUED,
    TEN_THOUSAND_READS,
    TEN_THOUSAND_WRITES,
)

TEN_THOUSAND = {
    "writes": TEN_THOUSAND_WRITES,
    "reads": TEN_THOUSAND_READS,
    "queues": TEN_THOUSAND_QUEUED,
}
#: What a handling of a queue is for. Where several run at once, the first named counts.
STAGES = {"chunks": "model", "lessons": "model", "scored": "join", "segments": "split"}
OTHER_STAGES = {"waiting": "plan", "shards": "group", "arrivals": "arrive"}
ORDER = ("model", "finish", "join", "split", "plan", "group", "arrive", "wait for node", "wait")


class TimeSpent(BaseModel):
    """Of the time from the drop to the end, and of all handlings together.

    `elapsed` adds up to `seconds`; `worked` counts what ran side by side each for itself.
    """

    seconds: float
    elapsed: dict[str, float]
    worked: dict[str, float]
    cpu: dict[str, float]
    items: int
    seconds_per_item: dict[str, float]
    requests: dict[str, int]
    #: Node-hours of workers and requests, at list prices.
    dollars: float


class Told(BaseModel):
    """What `impasto trace --json` prints."""

    trace: Trace
    summary: TimeSpent


def stage_of(span: KeptSpan) -> str:
    """By its queue."""
    queue = span.name.removeprefix("process ")
    return STAGES.get(queue) or OTHER_STAGES.get(queue, queue)


def time_spent(trace: Trace, items: int) -> TimeSpent:
    worked: defaultdict[str, float] = defaultdict(float)
    cpu: defaultdict[str, float] = defaultdict(float)
    requests = dict.fromkeys(TEN_THOUSAND, 0)
    for span in trace.handlings:
        for stage, start, stop in work_of(trace, span):
            worked[stage] += (stop - start) / SECOND
        cpu[stage_of(span)] += span.attributes.get("impasto.cpu_seconds", 0)
        for kind in requests:
            requests[kind] += span.attributes.get(f"impasto.storage.{kind}", 0)
    per_item = {stage: seconds / items for stage, seconds in worked.items()} if items else {}
    node_hours = worked.get("model", 0) / 3600
    paid = sum(count / 10_000 * TEN_THOUSAND[kind] for kind, count in requests.items())
    return TimeSpent(
        seconds=round((trace.end - trace.begin) / SECOND, 3),
        elapsed=rounded(elapsed(trace)),
        worked=rounded(worked),
        cpu=rounded(cpu),
        items=items,
        seconds_per_item=rounded(per_item, 5),
        requests=requests,
        dollars=round(node_hours * NODE_HOUR + paid, 6),
    )


def work_of(trace: Trace, span: KeptSpan) -> list[tuple[str, int, int]]:
    """The stages of one handling, which may join the last segment and then finish."""
    end = span.end or end_of_dead(trace, span)
    finishing = [part for part in trace.parts_of(span) if part.name == "finish"]
    if not finishing:
        return [(stage_of(span), span.start, end)]
    start = finishing[0].start
    return [(stage_of(span), span.start, start), ("finish", start, end)]


def end_of_dead(trace: Trace, span: KeptSpan) -> int:
    """Until the next delivery of its message, at most: that its process died is seen then."""
    message = span.attributes.get("messaging.message.id")
    later = [
        other.start
        for other in trace.handlings
        if other.attributes.get("messaging.message.id") == message and other.start > span.start
    ]
    return min(later, default=trace.end)


def elapsed(trace: Trace) -> dict[str, float]:
    """Each moment counts for one stage: the first of ORDER that was at work then, or a wait."""
    intervals = [work for span in trace.handlings for work in work_of(trace, span)]
    scoring = [span.start for span in trace.handlings if stage_of(span) == "model"]
    first_score = min(scoring, default=trace.end)
    for span in trace.handlings:
        if stage_of(span) == "model" and trace.sent(span) < first_score:
            intervals.append(("wait for node", trace.sent(span), min(span.start, first_score)))
    edges = sorted({trace.begin, trace.end, *(edge for _, *edges in intervals for edge in edges)})
    spent: defaultdict[str, float] = defaultdict(float)
    for start, stop in pairwise(edges):
        active = {stage for stage, begin, end in intervals if begin <= start and end >= stop}
        stage = next((stage for stage in ORDER if stage in active), "wait")
        spent[stage] += (stop - start) / SECOND
    return dict(spent)


def rounded(values: dict[str, float], digits: int = 3) -> dict[str, float]:
    """In the order of the stages."""
    order = {stage: place for place, stage in enumerate(ORDER)}
    by_stage = sorted(values.items(), key=lambda item: order.get(item[0], len(order)))
    return {stage: round(value, digits) for stage, value in by_stage}
