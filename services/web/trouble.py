"""What needs a person: a sentence, and what to do."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.web.jobs_reader import Seen, under_way
from services.web.measures import Sample
from shared.clusters.state import ClusterView
from shared.counted import counted

#: How long failures are pointed out.
RECENT = timedelta(hours=24)
#: After this time without a step, a job under way stands still.
STILL = timedelta(minutes=15)
#: How old a waiting message may be that nobody takes.
OLD_SECONDS = 1800


class Trouble(NamedTuple):
    what: str
    #: What to do, and where.
    advice: str
    link: str = ""


def troubles(
    jobs: Mapping[str, Seen], sample: Sample | None, lost: datetime | None
) -> list[Trouble]:
    if lost:
        return [
            Trouble(
                f"Storage hasn't answered since {lost.astimezone(UTC):%H:%M} UTC.",
                "What you see is older. Check that the storage accounts can be reached.",
            )
        ]
    return [*of_messages(sample), *of_jobs(jobs), *of_cluster(sample), *of_queues(sample)]


def of_messages(sample: Sample | None) -> Iterator[Trouble]:
    count = sum(queue.poison for queue in sample.queues) if sample else 0
    if count:
        yield Trouble(
            f"{counted(count, 'message')} couldn't be handled.",
            "Read why, then requeue or purge.",
            "/poison",
        )


def of_jobs(jobs: Mapping[str, Seen]) -> Iterator[Trouble]:
    now = datetime.now(UTC)
    failed = [
        seen
        for seen in jobs.values()
        if seen.status.state == "failed" and now - seen.changed < RECENT
    ]
    if len(failed) == 1:
        job = failed[0].status
        yield Trouble("A job has failed.", "Read why, then retry or delete it.", f"/jobs/{job.job}")
    elif failed:
        yield Trouble(
            f"{counted(len(failed), 'job')} have failed since yesterday.",
            "Read why, then retry or delete them.",
            "/?state=failed",
        )
    still = [
        seen
        for seen in under_way(jobs)
        if seen.status.state == "running" and now - seen.changed > STILL and not seen.status.steps
    ]
    if still:
        yield Trouble(
            f"{counted(len(still), 'job')} made no progress for a quarter of an hour.",
            "Look whether workers are running; a retry announces the job again.",
            f"/jobs/{still[0].status.job}",
        )


def of_cluster(sample: Sample | None) -> Iterator[Trouble]:
    cluster = sample.cluster if sample else None
    if cluster is None:
        return
    if cluster.view is None and cluster.why:
        yield Trouble("The cluster doesn't answer.", cluster.why, "/cluster")
    if isinstance(cluster.view, ClusterView):
        state = cluster.view.cluster
        if state.errors:
            yield Trouble("The cluster reports an error.", state.errors[0], "/cluster")
        elif state.unusable:
            yield Trouble(
                f"{counted(state.unusable, 'node')} can't be used.",
                "The cluster replaces nodes by itself; if it goes on, look at their logs.",
                "/cluster",
            )


def of_queues(sample: Sample | None) -> Iterator[Trouble]:
    for queue in sample.queues if sample else ():
        minutes = queue.oldest_seconds / 60
        if queue.oldest_seconds > OLD_SECONDS:
            yield Trouble(
                f"A message has waited in {queue.name} for {minutes:.0f} minutes.",
                "Look whether its service is running and whether there are workers.",
                "/cluster",
            )
