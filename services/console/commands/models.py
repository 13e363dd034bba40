"""`impasto models`: the models that jobs may name, and their versions."""

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from services.console import accounts, tables, terminal
from services.console.commands.options import HOME, Data, Json, connected
from services.console.models import checked, shipped
from shared.control.model_view import ModelView, view_of
from shared.errors import Missing
from shared.models import Model, Models
from shared.names import shown
from shared.storage import Storage

app = typer.Typer(no_args_is_help=True, help="The models that jobs may name, and their versions.")
DataFile = Annotated[
    Path | None, typer.Option("--file", exists=True, dir_okay=False, help="The model's data.")
]
Folder = Annotated[
    str | None, typer.Option(help="List a workload's own models in this folder instead.")
]


@app.command("list")
def list_all(folder: Folder = None, json: Json = False, data: Data = HOME) -> None:
    """List the models; without a stack, those that come with the workloads."""
    settings = accounts.settings(data)
    if settings is None:
        show(shipped(), json)
        return
    models = Models(Storage(settings))
    found = models.in_folder(folder) if folder else models.all()
    show([view_of(blob) for blob in found], json)


@app.command("show")
def show_versions(name: str, json: Json = False, data: Data = HOME) -> None:
    """List a model's versions, the newest first; of FOLDER/NAME, the one that is used."""
    show([view_of(blob) for blob in Models(connected(data)).versions(name)], json)


@app.command()
def add(
    name: str,
    scorer: Annotated[str, typer.Option(help="The scorer that reads the model.")],
    file: DataFile = None,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Publish a model, or a new version of one."""
    model = checked(Model(name, scorer, file.read_bytes() if file else b""))
    Models(connected(data)).publish(model)
    terminal.print_line({"model": name, "version": model.version}, model.version, json)


@app.command()
def use(name: str, version: str, json: Json = False, data: Data = HOME) -> None:
    """Make an earlier version the one that jobs use."""
    Models(connected(data)).use(name, version)
    terminal.print_line({"model": name, "version": version}, version, json)


@app.command()
def look(name: str, folder: Path, json: Json = False, data: Data = HOME) -> None:
    """Write files into a folder that show what a learnt model does, or does so far."""
    models = Models(connected(data))
    files = [PurePosixPath(blob.name).name for blob in models.shown(name)]
    if not files:
        raise Missing(f"there is nothing to see of a model called {shown(name)}")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder / f"{name}-{file}"
        path.write_bytes(models.read_shown(name, file))
        terminal.print_line({"model": name, "file": str(path)}, str(path), json)


@app.command()
def remove(name: str, json: Json = False, data: Data = HOME) -> None:
    """Delete a model and all its versions."""
    Models(connected(data)).remove(name)
    terminal.print_line({"model": name, "removed": True}, f"{name} is removed", json)


def show(models: list[ModelView], json: bool) -> None:
    terminal.listing(models, tables.models_table, json)
