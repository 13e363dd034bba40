"""`impasto run`, `up` and `prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from services.console import run as running
from services.console import terminal
from services.console.commands.options import HOME, Data, Json, MaybeNodes, Style, connected
from services.console.stack import Stack
from shared.runtime.stop import Stop


def run(
    videos: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True)],
    style: Style,
    output: Annotated[Path, typer.Option(file_okay=False, help="The folder to write to.")],
    json: Json = False,
    nodes: MaybeNodes = None,
    data: Annotated[Path | None, typer.Option(help="Keep the stack's data here.")] = None,
) -> None:
    """Paint videos on a stack of their own, which is stopped afterwards."""
    if not running.run(videos, style, output, nodes, data, json):
        raise typer.Exit(1)


def up(json: Json = False, data: Data = HOME, nodes: MaybeNodes = None) -> None:
    """Run a stack until Ctrl-C. Drop videos into it with any Azure Storage tool."""
    stop = Stop().on_signals()
    with Stack(data, nodes) as stack:
        terminal.connections(stack.data, stack.accounts, json)
        while not stop.wait(1):
            stack.check()
        terminal.say("stopping …")


def prepare(json: Json = False, data: Data = HOME) -> None:
    """Create the containers and queues that the services need, where they are missing."""
    connected(data).prepare()
    terminal.print_line({"prepared": True}, "containers and queues exist", json)
