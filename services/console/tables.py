"""Tables of jobs, of poisoned messages, and of a cluster's workers."""

from collections.abc import Iterable

from rich.table import Column, Table

from services.console.terminal import COLOURS, out, plain, say
from shared.clusters.state import (
    ClusterJob,
    ClusterState,
    ClusterView,
    ReplicasView,
    ScoredItems,
)
from shared.control.model_view import ModelView
from shared.control.poison import Entry
from shared.control.status import Status


def table_of(*columns: str) -> Table:
    """A table that wraps cells on a narrow screen and cuts none off."""
    return Table(*(Column(name, overflow="fold") for name in columns))


def jobs_table(statuses: Iterable[Status]) -> Table:
    table = table_of("job", "state", "source", "model", "items", "done", "output or reason")
    for status in statuses:
        steps = f"{status.steps_done}/{status.steps} steps" if status.steps else ""
        table.add_row(
            plain(status.job),
            plain(status.state, COLOURS.get(status.state, "")),
            plain(status.source),
            plain(status.model),
            status.count(status.items) if status.items else "",
            steps or str(status.scored or ""),
            plain("\n".join([status.output or status.reason or "", *status.notes])),
        )
    return table


def poison_table(entries: Iterable[Entry]) -> Table:
    table = table_of("id", "queue", "job", "tries", "when", "reason")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M:%S}" if entry.at else ""
        table.add_row(
            plain(entry.id),
            plain(entry.queue),
            plain(entry.job),
            str(entry.attempts or ""),
            when,
            plain(entry.reason),
        )
    return table


def print_cluster(view: ClusterView | ReplicasView) -> None:
    if isinstance(view, ReplicasView):
        say(f"up to {view.replicas} replicas; {view.chunks} chunks wait or are being scored", out)
    else:
        for line in about(view.cluster):
            say(line, out)
        if view.jobs:
            out.print(cluster_table(view.jobs))
        for job in view.jobs:
            for scored in job.scored:
                say(f"{job.name} scored {items_of(scored)}", out)


def about(state: ClusterState) -> list[str]:
    return [
        f"{state.name}: {state.allocation},"
        f" {state.nodes} of {state.minimum} to {state.maximum} nodes",
        f"{state.running} running, {state.idle} idle, {state.preparing} preparing,"
        f" {state.leaving} leaving, {state.unusable} unusable",
        *state.errors,
    ]


def cluster_table(jobs: Iterable[ClusterJob]) -> Table:
    table = table_of("job", "state", "started", "ended", "exit code", "why")
    for job in jobs:
        table.add_row(
            plain(job.name),
            plain(job.state, COLOURS.get(job.state, "")),
            *(f"{when:%Y-%m-%d %H:%M:%S}" if when else "" for when in (job.started, job.ended)),
            "" if job.exit_code is None else str(job.exit_code),
            plain(job.why),
        )
    return table


def models_table(models: Iterable[ModelView]) -> Table:
    table = table_of("model", "version", "scorer", "bytes", "published")
    for model in models:
        when = f"{model.published:%Y-%m-%d %H:%M:%S}" if model.published else ""
        size = "" if model.size is None else f"{model.size:,}"
        table.add_row(plain(model.name), plain(model.version), plain(model.scorer), size, when)
    return table


def items_of(scored: ScoredItems) -> str:
    ranges = ", ".join(f"{first}–{last}" for first, last in scored.ranges)
    return f"{scored.source}: {scored.items} items" + (f" ({ranges})" if ranges else "")
