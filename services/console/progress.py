"""Shows how far jobs are, as bars or as lines of text."""

import time
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.console.terminal import COLOURS, say
from shared.control.plain_text import safe
from shared.control.status import Status

#: What is said of a job of which nothing is split yet, by its state.
NOTHING_YET = {"waiting": "waiting to be opened", "running": "being split"}


class Pace:
    """The rate of each job since the first look at it: scored items, or steps of training."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int]] = {}

    def rate(self, status: Status) -> float | None:
        now = time.monotonic()
        began, before = self._first.setdefault(status.job, (now, done_of(status)))
        done = done_of(status) - before
        return done / (now - began) if done and now > began else None


def progress(statuses: Iterable[Status], pace: Pace) -> RenderableType:
    """Three bars for each job: split, scored and stitched; one for each lesson."""
    table = Table.grid(padding=(0, 2))
    for status in statuses:
        name = Text(safe(status.source or status.job), overflow="ellipsis", no_wrap=True)
        if status.ended:
            note = Text(status.state, COLOURS[status.state])
            if status.reason:
                note.append(safe(f": {status.reason}"))
            table.add_row(name, note)
            continue
        if not (status.items or status.steps):
            table.add_row(name, NOTHING_YET[status.state])
            continue
        bars = Table.grid(padding=(0, 1))
        for stage, count, total in stages(status):
            bars.add_row(
                stage,
                ProgressBar(total, count, width=24),
                f"{count}/{total}",
                estimate(status, pace) if stage in ("scored", "learnt") else "",
            )
        table.add_row(name, bars)
    return Group(table)


def say_progress(statuses: Iterable[Status], pace: Pace) -> None:
    for status in statuses:
        if status.ended:
            continue
        name = status.source or status.job
        counts = ", ".join(f"{stage} {count}" for stage, count, _ in stages(status))
        total = f"{status.steps} steps" if status.steps else status.count(status.items)
        opened = status.items or status.steps
        what = f"{counts} of {total}" if opened else NOTHING_YET[status.state]
        left = estimate(status, pace)
        line = f"{name}: {what}{'; ' if left else ''}{left}"
        say(line)


def estimate(status: Status, seen: Pace) -> str:
    rate = seen.rate(status)
    if rate is None:
        return ""
    left = ((status.steps or status.items) - done_of(status)) / rate
    unit = "steps" if status.steps else status.items_word
    pace = f"{rate:.1f}" if rate >= 0.1 else f"{rate:.1g}"
    return f"{pace} {unit}/s, {left:.0f} s left"


def stages(status: Status) -> list[tuple[str, int, int]]:
    """Each stage of a job, how much of it is done, and how much there is."""
    if status.steps:
        return [("learnt", status.steps_done, status.steps)]
    done = {"split": status.split, "scored": status.scored, "stitched": status.stitched}
    return [(stage, count, status.items) for stage, count in done.items()]


def done_of(status: Status) -> int:
    return status.steps_done if status.steps else status.scored
