"""The commands for videos, paintings and their jobs."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from services.console import accounts, run, tables, terminal
from services.console.commands.options import HOME, Data, Json, Style, Video, connected, note
from services.console.follow import follow
from services.console.job_control import JobControl
from services.console.listing import Listing
from services.console.scoring import shipped_models, training
from services.console.status import Status
from shared.errors import NotYet
from shared.models import Models
from shared.runtime.stop import Stop
from shared.storage import Storage

#: Not the current folder: an output may have the name of its source.
OUT = Path("out")


def submit(video: Video, style: Style, json: Json = False, data: Data = HOME) -> None:
    """Drop one video into a running stack, and print its job."""
    storage = connected(data)
    with suppress(NotYet):  # the video waits until its style is learnt
        Models(storage).require(style)
    [(path, blob)] = run.blob_names([video], style)
    job = JobControl(storage).submit(path, blob)
    terminal.print_line({"job": job, "input": blob}, job, json)


def learn(
    painting: Video,
    name: Annotated[str, typer.Option(help="The name of the new style.")],
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Teach a running stack a new style, which takes minutes."""
    stop = Stop().on_signals()
    control = JobControl(connected(data))
    [status] = follow(control, [control.teach(painting, name)], stop)
    show_end(status, json)


def train(context: typer.Context) -> None:
    """Train the network from photos and paintings, which takes an hour or more."""
    raise typer.Exit(training(context.args))


def jobs(
    most: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    page: Annotated[int, typer.Option(min=1, help="2 shows the next ones, and so on.")] = 1,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """List the newest jobs; `watch` tells more about one."""
    show(Listing(connected(data)).page(page, most), json)


def watch(job: str, json: Json = False, data: Data = HOME) -> None:
    """Follow one job to its end."""
    stop = Stop().on_signals()
    [status] = follow(JobControl(connected(data)), [job], stop)
    show_end(status, json)


def cancel(job: str, json: Json = False, data: Data = HOME) -> None:
    """Cancel a job, and delete its intermediate results."""
    control = JobControl(connected(data))
    note(data, "cancel", job, state=control.status(job).state)
    control.cancel(job)
    show([control.status(job)], json)


def retry(job: str, json: Json = False, data: Data = HOME) -> None:
    """Continue a failed job from what it had done; other jobs stay as they are."""
    control = JobControl(connected(data))
    note(data, "retry", job, state=control.status(job).state)
    control.retry(job)
    show([control.status(job)], json)


def download(
    job: str,
    output: Annotated[Path, typer.Option(file_okay=False, help="The folder to write to.")] = OUT,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Download a finished job's output."""
    path = JobControl(connected(data)).download(job, output)
    terminal.print_line({"job": job, "output": str(path)}, str(path), json)


def replay(json: Json = False, data: Data = HOME) -> None:
    """Announce again every blob in `input` and `styles` without an outcome; always safe."""
    count = JobControl(connected(data)).replay()
    terminal.print_line({"announced": count}, f"{count} announced again", json)


def styles(json: Json = False, data: Data = HOME) -> None:
    """List the styles."""
    settings = accounts.settings(data)
    names = Models(Storage(settings)).names() if settings else shipped_models()
    for name in names:
        terminal.print_line({"style": name}, name, json)


def show_end(status: Status, json: bool) -> None:
    show([status], json)
    if status.state != "finished":
        raise typer.Exit(1)


def show(statuses: list[Status], json: bool) -> None:
    terminal.listing(statuses, tables.jobs_table, json)
