"""`impasto cluster`: the cluster that workers run on."""

from pathlib import Path
from typing import Annotated

import typer

from services.console import accounts, tables, terminal
from services.console.commands.options import HOME, Data, Json, MaybeNodes, Nodes, note
from shared.clusters.table import chosen

#: What the audit calls it: a stack has one.
CLUSTER = "the cluster"
app = typer.Typer(no_args_is_help=True, help="The cluster that workers run on.")


@app.command()
def show(json: Json = False, data: Data = HOME) -> None:
    """Show its nodes and its jobs."""
    show_cluster(data, json)


@app.command()
def create(nodes: MaybeNodes = None, json: Json = False, data: Data = HOME) -> None:
    """Create it, unless it exists. It has nodes only while there is work."""
    note(data, "create the cluster", CLUSTER)
    chosen().managed(data, nodes).ensure()
    show_cluster(data, json)


@app.command()
def scale(
    nodes: Nodes,
    minimum: Annotated[int, typer.Option(min=0, help="How many stay without work.")] = 0,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Set how many nodes it may have, until a stack that starts sets its own number."""
    note(data, "scale the cluster", CLUSTER, minimum=minimum, maximum=max(minimum, nodes))
    chosen().managed(data, None).scale(minimum, max(minimum, nodes))
    show_cluster(data, json)


@app.command()
def delete(json: Json = False, data: Data = HOME) -> None:
    """Delete it and its jobs; a running stack creates it again."""
    note(data, "delete the cluster", CLUSTER)
    chosen().managed(data, None).delete()
    terminal.print_line({"deleted": True}, "deleted", json)


def show_cluster(data: Path, json: bool) -> None:
    view = chosen().view(data, accounts.settings(data))
    if json:
        terminal.print_json(view)
    else:
        tables.print_cluster(view)
