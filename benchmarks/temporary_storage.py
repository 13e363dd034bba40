"""An Azurite for one benchmark, which is deleted afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.child_processes import Lifeline
from shared.prepare import prepare
from shared.storage import Storage


class TemporaryStorage(NamedTuple):
    storage: Storage
    accounts: Accounts
    #: For other temporary files.
    folder: Path


@contextmanager
def temporary_storage() -> Iterator[TemporaryStorage]:
    lifeline = Lifeline()
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        local = accounts.make(folder)
        process = azurite.start(local, folder / "azurite", folder / "azurite.log", lifeline.end)
        try:
            storage = Storage(local.settings())
            prepare(storage)
            yield TemporaryStorage(storage, local, folder)
        finally:
            process.terminate()
            process.wait()
            lifeline.cut()
