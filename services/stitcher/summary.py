"""A finished job's summary, from records and listings that the stitcher reads anyway."""

from collections.abc import Sequence
from datetime import datetime

from shared.blobs import Blob
from shared.jobs import spent_on
from shared.records import Job, Segment, Spent, Summary
from shared.telemetry.prices import NODE_HOUR


def summary(
    job: Job, now: datetime, segments: Sequence[Segment], joined: Sequence[Blob], finishing: Spent
) -> Summary:
    splitting = [segment.spent for segment in segments]
    by_stage = {
        "split": Spent(
            seconds=round(sum(spent.seconds for spent in splitting), 3),
            cpu_seconds=round(sum(spent.cpu_seconds for spent in splitting), 3),
        ),
        "score": spent_on("score", joined),
        "join": spent_on("join", joined),
        "finish": finishing,
    }
    items = max(1, sum(segment.items for segment in segments))
    return Summary(
        seconds=round((now - (job.dropped or job.created)).total_seconds(), 3),
        by_stage=by_stage,
        seconds_per_item={
            stage: round(spent.seconds / items, 5) for stage, spent in by_stage.items()
        },
        node_dollars=round(by_stage["score"].seconds / 3600 * NODE_HOUR, 6),
    )
