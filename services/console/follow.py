"""Follows jobs to their end, and shows their progress on the terminal."""

import time
from collections.abc import Callable, Iterator

from rich.live import Live

from services.console import progress, terminal
from shared.control.job_control import JobControl
from shared.control.status import Status
from shared.runtime.stop import Stop

LOOK_SECONDS = 0.5
#: The pause after a look is at least this many times as long as the look took.
PAUSE_FACTOR = 4
#: How often progress is printed as text, if there is no terminal for bars.
SAY_SECONDS = 5


class StoppedByUser(Exception):
    """Ctrl-C was pressed."""


def follow(
    control: JobControl, jobs: list[str], stop: Stop, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Status]:
    """Yield each job's final status as soon as it has ended; call `meanwhile` at each look."""
    pace = progress.Pace()
    latest: dict[str, Status] = {}
    say_at = 0.0
    with Live(console=terminal.err, transient=True, auto_refresh=False) as live:
        while waited_for := [job for job in jobs if job not in latest or not latest[job].ended]:
            began = time.monotonic()
            meanwhile()
            for job in waited_for:
                latest[job] = control.status(job)
                if latest[job].ended:
                    yield latest[job]
            now = time.monotonic()
            if terminal.err.is_terminal:
                live.update(progress.progress(latest.values(), pace), refresh=True)
            elif now >= say_at:
                say_at = now + SAY_SECONDS
                progress.say_progress(latest.values(), pace)
            if stop.wait(max(LOOK_SECONDS, PAUSE_FACTOR * (now - began))):
                raise StoppedByUser
