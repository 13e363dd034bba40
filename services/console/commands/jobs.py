"""The commands for files and their jobs."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from services.console import run, tables, terminal
from services.console.commands.options import (
    HOME,
    Data,
    File,
    Json,
    Model,
    WorkloadName,
    connected,
    note,
)
from services.console.follow import follow
from shared.arrivals import Arrivals
from shared.control.job_control import JobControl
from shared.control.listing import Listing
from shared.control.status import Status
from shared.errors import NotYet
from shared.records import FIRST_WORKLOAD
from shared.runtime.stop import Stop
from shared.workloads import workload_called

#: Not the current folder: an output may have the name of its source.
OUT = Path("out")


def submit(
    file: File,
    model: Model,
    json: Json = False,
    data: Data = HOME,
    workload: WorkloadName = FIRST_WORKLOAD,
) -> None:
    """Drop one file into a running stack, and print its job."""
    storage, found = connected(data), workload_called(workload)
    with suppress(NotYet):  # the job waits until its model is learnt
        found.require_model(storage, model)
    [(path, blob)] = run.blob_names([file], model)
    job = JobControl(storage).submit(found, path, blob)
    terminal.print_line({"job": job, "input": blob}, job, json)


def learn(
    file: File,
    name: Annotated[str, typer.Option(help="The name of the new model.")],
    json: Json = False,
    data: Data = HOME,
    workload: WorkloadName = FIRST_WORKLOAD,
) -> None:
    """Teach a running stack a new model from one file, which takes minutes."""
    stop = Stop().on_signals()
    control = JobControl(connected(data))
    [status] = follow(control, [control.teach(workload_called(workload), file, name)], stop)
    show_end(status, json)


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


def delete(job: str, json: Json = False, data: Data = HOME) -> None:
    """Delete an ended job with its input, its output, its records and its log."""
    control = JobControl(connected(data))
    note(data, "delete", job, state=control.status(job).state)
    control.delete(job)
    terminal.print_line({"job": job, "deleted": True}, f"{job} is deleted", json)


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
    """Announce again every input without an outcome; always safe."""
    count = JobControl(connected(data)).replay()
    terminal.print_line({"announced": count}, f"{count} announced again", json)


def due(json: Json = False, data: Data = HOME) -> None:
    """Announce the jobs that are due by the clock, where no trigger does; always safe."""
    count = Arrivals(connected(data)).announce_due()
    terminal.print_line({"announced": count}, f"{count} announced", json)


def show_end(status: Status, json: bool) -> None:
    show([status], json)
    if status.state != "finished":
        raise typer.Exit(1)


def show(statuses: list[Status], json: bool) -> None:
    terminal.listing(statuses, tables.jobs_table, json)
