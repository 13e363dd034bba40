"""Arguments that several commands have, and the storage that they name."""

from pathlib import Path
from typing import Annotated

import typer

from services.console import accounts
from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.audit import Audit
from shared.workloads import installed

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Data = Annotated[Path, typer.Option(help="The folder of the local stack.")]
Nodes = Annotated[int, typer.Option(min=1, help="The most workers that may run.")]
MaybeNodes = Annotated[int | None, typer.Option(min=1, help="The most workers that may run.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True)]
#: `--model`, or what people call it in an installed workload.
Model = Annotated[
    str,
    typer.Option(
        *dict.fromkeys(["--model", *(f"--{w.model}" for w in installed().values())]),
        help="The model; `impasto models list` lists them.",
    ),
]
WorkloadName = Annotated[str, typer.Option("--workload", help="The workload of the file.")]

HOME = Path(".impasto")


def connected(data: Path) -> Storage:
    return Storage(known_settings(data))


def note(data: Path, deed: str, subject: str, **detail: str | float) -> None:
    """Write down what is about to be done; without any stack there is nowhere to."""
    if settings := accounts.settings(data):
        Audit(Storage(settings), settings).note(deed, subject, detail)


def known_settings(data: Path) -> Settings:
    settings = accounts.settings(data)
    if settings is None:
        raise Misconfigured(f"no stack was ever up in {data}; start one with `impasto up`")
    return settings
