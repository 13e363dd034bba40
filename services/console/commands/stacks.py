"""`impasto run`, `up` and `prepare`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from services.console import run as running
from services.console import terminal
from services.console.commands.options import (
    HOME,
    Data,
    Files,
    Json,
    MaybeNodes,
    Model,
    WorkloadName,
    connected,
)
from services.console.stack import Stack
from shared.prepare import prepare as create_missing
from shared.records import FIRST_WORKLOAD
from shared.runtime.stop import Stop
from shared.workloads import workload_called


def run(
    files: Files,
    model: Model,
    output: Annotated[Path, typer.Option(file_okay=False, help="The folder to write to.")],
    json: Json = False,
    nodes: MaybeNodes = None,
    data: Annotated[Path | None, typer.Option(help="Keep the stack's data here.")] = None,
    workload: WorkloadName = FIRST_WORKLOAD,
) -> None:
    """Score files on a stack of their own, which is stopped afterwards."""
    found = workload_called(workload)
    if not running.run(files, found, model, output, nodes, data, json):
        raise typer.Exit(1)


def up(
    json: Json = False,
    data: Data = HOME,
    nodes: MaybeNodes = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open its page in a browser.")] = False,
) -> None:
    """Run a stack until Ctrl-C. Drop files in its page, or with any Azure Storage tool."""
    stop = Stop().on_signals()
    with Stack(data, nodes, page=True) as stack:
        address = stack.page.address if stack.page else ""
        terminal.connections(stack.data, stack.accounts, address, json)
        if open_page and stack.page and stack.page.wait():
            webbrowser.open(address)
        while not stop.wait(1):
            stack.check()
        terminal.say("stopping …")


def prepare(
    page: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Of a web page that may upload: http://HOST:PORT."),
    ] = None,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Create the containers and queues that the services need, where they are missing."""
    create_missing(connected(data), page or ())
    terminal.print_line({"prepared": True}, "containers and queues exist", json)
