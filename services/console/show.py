"""How jobs look to a person on a terminal."""

import json
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from services.console.accounts import Accounts
from services.console.poison import Entry
from services.console.status import Status
from shared.clusters.state import (
    ClusterJob,
    ClusterState,
    ClusterView,
    PaintedFrames,
    ReplicasView,
)

M = TypeVar("M", bound=BaseModel)

out = Console()
err = Console(stderr=True)
COLOURS = {
    "finished": "green",
    "succeeded": "green",
    "refused": "yellow",
    "failed": "red",
    "cancelled": "yellow",
}


#: Characters that may move the cursor, change the terminal, or show text in another order.
UNSAFE = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
LINES = "\n"


def safe(text: str, keep: str = "") -> str:
    r"""The text with what a terminal might obey spelt out, as \x1b and \u202e; `keep` stays."""
    return "".join(
        char
        if char in keep or unicodedata.category(char) not in UNSAFE
        else char.encode("unicode_escape").decode()
        for char in text
    )


def plain(text: str | None, style: str = "") -> Text:
    """For rich, which takes no markup from it; a note has lines of its own."""
    return Text(safe(text or "", keep=LINES), style)


def say(text: str, console: Console = err) -> None:
    """A line of words; rich takes no markup from it, and breaks it only where the terminal does."""
    console.print(plain(text), highlight=False, soft_wrap=True)


def print_json(model: BaseModel) -> None:
    print(json_line(model.model_dump(mode="json")), flush=True)


def json_line(value: object) -> str:
    r"""JSON in which what a terminal might obey is written as \u001b is."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(
        json.dumps(char)[1:-1] if unicodedata.category(char) in UNSAFE else char for char in text
    )


def print_line(facts: Mapping[str, str | int], text: str, as_json: bool) -> None:
    print(json_line(facts) if as_json else safe(text), flush=True)


def one(model: BaseModel, as_json: bool) -> None:
    if as_json:
        print_json(model)
        return
    for name, value in model:
        if value is not None:
            lines = safe(str(value), keep=LINES).replace(LINES, LINES + " " * 10)
            print(f"{name + ':':10}{lines}")


def connections(data: Path, accounts: Accounts, as_json: bool) -> None:
    """Printed plain: a connection string is for copying."""
    if as_json:
        print_line({"media": accounts.media_connection, "work": accounts.work_connection}, "", True)
        return
    print(f"up, in {safe(str(data))}; Ctrl-C ends it\n")
    print("drop videos in the container input, as STYLE/NAME.mp4, at:")
    print(f"  {accounts.media_connection}")
    print("records, frames and queues are at:")
    print(f"  {accounts.work_connection}", flush=True)


def listing(models: Sequence[M], table: Callable[[Sequence[M]], Table], as_json: bool) -> None:
    if as_json:
        for model in models:
            print_json(model)
    else:
        out.print(table(models))


class Pace:
    """How fast a job is being scored, since it was first looked at."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int]] = {}

    def rate(self, status: Status) -> float | None:
        now = time.monotonic()
        began, before = self._first.setdefault(status.job, (now, status.scored))
        done = status.scored - before
        return done / (now - began) if done and now > began else None


def table_of(*columns: str) -> Table:
    """Narrow screens break lines; nothing that one may want to copy is cut."""
    return Table(*(Column(name, overflow="fold") for name in columns))


def progress(statuses: Iterable[Status], pace: Pace) -> RenderableType:
    """Three bars a job: split, scored, stitched."""
    table = Table.grid(padding=(0, 2))
    for status in statuses:
        name = Text(safe(status.source or status.job), overflow="ellipsis", no_wrap=True)
        if status.ended:
            note = Text(status.state, COLOURS[status.state])
            if status.reason:
                note.append(safe(f": {status.reason}"))
            table.add_row(name, note)
            continue
        if not status.items:
            being = "being learnt" if status.state == "running" else "waiting to be opened"
            table.add_row(name, being)
            continue
        bars = Table.grid(padding=(0, 1))
        for stage in ("split", "scored", "stitched"):
            count: int = getattr(status, stage)
            bars.add_row(
                stage,
                ProgressBar(status.items, count, width=24),
                f"{count}/{status.items}",
                estimate(status, pace) if stage == "scored" else "",
            )
        table.add_row(name, bars)
    return Group(table)


def say_progress(statuses: Iterable[Status], pace: Pace) -> None:
    for status in statuses:
        if status.ended:
            continue
        name = status.source or status.job
        counts = f"split {status.split}, scored {status.scored}, stitched {status.stitched}"
        what = f"{counts} of {status.items} frames" if status.items else "waiting to be opened"
        left = estimate(status, pace)
        line = f"{name}: {what}{'; ' if left else ''}{left}"
        say(line)


def estimate(status: Status, pace: Pace) -> str:
    rate = pace.rate(status)
    if rate is None:
        return ""
    left = (status.items - status.scored) / rate
    return f"{rate:.1f} frames/s, {left:.0f} s left"


def jobs_table(statuses: Iterable[Status]) -> Table:
    table = table_of("job", "state", "source", "style", "frames", "scored", "output or reason")
    for status in statuses:
        table.add_row(
            plain(status.job),
            plain(status.state, COLOURS.get(status.state, "")),
            plain(status.source),
            plain(status.model),
            str(status.items or ""),
            str(status.scored or ""),
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


def cluster(view: ClusterView | ReplicasView, as_json: bool) -> None:
    if as_json:
        print_json(view)
    elif isinstance(view, ReplicasView):
        text = f"up to {view.replicas} replicas, kept by something else; {view.chunks} chunks"
        say(f"{text} for them", out)
    else:
        for line in about(view.cluster):
            say(line, out)
        if view.jobs:
            out.print(cluster_table(view.jobs))
        for job in view.jobs:
            for painted in job.painted:
                say(f"{job.name} painted {frames_of(painted)}", out)


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


def frames_of(painted: PaintedFrames) -> str:
    ranges = ", ".join(f"{first}–{last}" for first, last in painted.ranges)
    return f"{painted.video}: {painted.frames} frames ({ranges})"
