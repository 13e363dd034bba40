"""Shows how far jobs are, as bars or as lines of text."""

import time
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.console.status import Status
from services.console.terminal import COLOURS, safe, say


class Pace:
    """The scoring rate of each job since the first look at it."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int]] = {}

    def rate(self, status: Status) -> float | None:
        now = time.monotonic()
        began, before = self._first.setdefault(status.job, (now, status.scored))
        done = status.scored - before
        return done / (now - began) if done and now > began else None


def progress(statuses: Iterable[Status], pace: Pace) -> RenderableType:
    """Three bars for each job: split, scored and stitched."""
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
