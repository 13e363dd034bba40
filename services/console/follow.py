"""Following jobs to their end, with their progress on the terminal."""

import time
from collections.abc import Callable, Iterator

from rich.live import Live

from services.console import progress, terminal
from services.console.job_control import JobControl
from services.console.status import Status
from shared.runtime.stop import Stop

LOOK_SECONDS = 0.5
#: Looking at many jobs is work for storage too: it gets this many times as long to itself.
REST = 4
#: How often to say it in words, where there is no terminal to draw on.
SAY_SECONDS = 5


class Interrupted(Exception):
    """The person at the terminal has had enough."""


def follow(
    control: JobControl, jobs: list[str], stop: Stop, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Status]:
    """Each job's last status, as soon as it has ended; `meanwhile` is called at each look."""
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
            if stop.wait(max(LOOK_SECONDS, REST * (now - began))):
                raise Interrupted
