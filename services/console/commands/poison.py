"""`impasto poison`: messages that couldn't be handled."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.console import tables, terminal
from services.console.commands.options import HOME, Data, Json, connected, note
from shared.control.poison import Entry, PoisonQueues

Ids = Annotated[list[str] | None, typer.Argument(help="The messages' ids.")]
All = Annotated[bool, typer.Option("--all", help="All messages.")]

app = typer.Typer(no_args_is_help=True, help="Messages that couldn't be handled.")


@app.command("list")
def list_messages(json: Json = False, data: Data = HOME) -> None:
    """List all poisoned messages, with their reasons."""
    terminal.listing(PoisonQueues(connected(data)).entries(), tables.poison_table, json)


@app.command()
def show(message_id: str, json: Json = False, data: Data = HOME) -> None:
    """Show one poisoned message: its body and its error."""
    terminal.one(PoisonQueues(connected(data)).show(message_id), json)


@app.command()
def requeue(ids: Ids = None, every: All = False, json: Json = False, data: Data = HOME) -> None:
    """Send messages to their queues again, so that their jobs continue."""
    wanted = noted(chosen(ids, every), "requeue", data)
    count = PoisonQueues(connected(data)).requeue(wanted)
    terminal.print_line({"requeued": count}, f"{count} put back", json)


@app.command()
def purge(ids: Ids = None, every: All = False, json: Json = False, data: Data = HOME) -> None:
    """Delete messages, and the intermediate results of their jobs."""
    wanted = noted(chosen(ids, every), "purge", data)
    count = PoisonQueues(connected(data)).purge(wanted)
    terminal.print_line({"purged": count}, f"{count} deleted", json)


def noted(wanted: Callable[[Entry], bool], deed: str, data: Path) -> Callable[[Entry], bool]:
    """Each message that is wanted is written down before anything is done with it."""

    def is_wanted(entry: Entry) -> bool:
        if not wanted(entry):
            return False
        note(data, deed, entry.id, queue=entry.queue, job=entry.job or "")
        return True

    return is_wanted


def chosen(ids: list[str] | None, every: bool) -> Callable[[Entry], bool]:
    if bool(ids) == every:
        raise typer.BadParameter("give the messages' ids, or --all")
    return lambda entry: every or entry.id in (ids or [])
