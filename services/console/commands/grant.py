"""`impasto grant`: links to one blob for people without an account."""

from typing import Annotated

import typer

from services.console import terminal
from services.console.commands.options import (
    HOME,
    Data,
    Json,
    WorkloadName,
    known_settings,
    note,
)
from shared.control.grants import LONGEST_HOURS, Grant, Grants
from shared.control.plain_text import safe
from shared.records import FIRST_WORKLOAD
from shared.workloads import workload_called

Hours = Annotated[int, typer.Option(min=1, max=LONGEST_HOURS, help="How long the link works.")]


def grant(
    upload: Annotated[bool, typer.Option("--upload", help="A link that uploads a file.")] = False,
    folder: Annotated[str | None, typer.Option(help="The file's folder: its model.")] = None,
    file: Annotated[str | None, typer.Option(help="Its name; a random one by default.")] = None,
    download: Annotated[
        str | None, typer.Option(metavar="JOB", help="A link that downloads this job's output.")
    ] = None,
    hours: Hours = 24,
    json: Json = False,
    data: Data = HOME,
    workload: WorkloadName = FIRST_WORKLOAD,
) -> None:
    """Print a link for somebody without an account, to upload one file or download one output."""
    if upload == (download is not None):
        raise typer.BadParameter("say --upload --folder MODEL, or --download JOB")
    if upload != bool(folder) or (file and not upload):
        raise typer.BadParameter("--upload needs --folder; --folder and --file need --upload")
    grants = Grants(known_settings(data))
    granted = grants.download(download, hours) if download else None
    found = workload_called(workload)
    granted = granted or grants.upload(found, folder or "", file, hours)
    # The link is of no use before it is printed.
    note(data, f"grant {granted.allows}", granted.blob, until=granted.until.isoformat())
    show(granted, json)


def show(granted: Grant, json: bool) -> None:
    if json:
        terminal.print_json(granted)
        return
    until = f"{granted.until:%Y-%m-%d %H:%M} UTC"
    what = "creates" if granted.allows == "upload" else "reads"
    print(f"This link {what} {safe(granted.blob)} and nothing else, until {until}:")
    for line in ("", granted.link, "", *granted.commands):
        print(safe(line))
