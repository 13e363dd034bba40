"""Prints to the terminal: text without control characters, or JSON."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.console.accounts import Accounts
from shared.control.plain_text import LINES, UNSAFE, safe
from shared.workloads import installed

M = TypeVar("M", bound=BaseModel)

out = Console()
err = Console(stderr=True)
#: Of the states of jobs and of workers.
COLOURS = {
    "finished": "green",
    "succeeded": "green",
    "refused": "yellow",
    "failed": "red",
    "cancelled": "yellow",
}


def plain(text: str | None, style: str = "") -> Text:
    """Text that rich prints as it is: without unsafe characters and without markup."""
    return Text(safe(text or "", keep=LINES), style)


def say(text: str, console: Console = err) -> None:
    """Print a line, which only the terminal wraps."""
    console.print(plain(text), highlight=False, soft_wrap=True)


def print_json(model: BaseModel) -> None:
    print(json_line(model.model_dump(mode="json")), flush=True)


def json_line(value: object) -> str:
    r"""JSON with unsafe characters as escape sequences."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(
        json.dumps(char)[1:-1] if unicodedata.category(char) in UNSAFE else char for char in text
    )


def print_line(facts: Mapping[str, str | int], text: str, as_json: bool) -> None:
    print(json_line(facts) if as_json else safe(text), flush=True)


def one(model: BaseModel, as_json: bool) -> None:
    if as_json:
        print_json(model)
        return
    for name, value in model:
        if value is not None:
            lines = safe(str(value), keep=LINES).replace(LINES, LINES + " " * 10)
            print(f"{name + ':':10}{lines}")


def connections(data: Path, accounts: Accounts, page: str, as_json: bool) -> None:
    """Print the address and the connection strings without rich, so that they can be copied."""
    if as_json:
        strings = {"media": accounts.media_connection, "work": accounts.work_connection}
        print_line(strings | {"page": page}, "", True)
        return
    print(f"up, in {safe(str(data))}; Ctrl-C ends it\n")
    print(f"look at {page}\n")
    for workload in installed().values():
        print(workload.how_to)
    print(f"at:\n  {accounts.media_connection}")
    print("records, shards and queues are at:")
    print(f"  {accounts.work_connection}", flush=True)


def listing(models: Sequence[M], table: Callable[[Sequence[M]], Table], as_json: bool) -> None:
    if as_json:
        for model in models:
            print_json(model)
    else:
        out.print(table(models))
