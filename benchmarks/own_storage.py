"""A real Azurite for one benchmark alone, gone when it has ended."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.stack import Lifeline
from shared.storage import Storage


class OwnStorage(NamedTuple):
    storage: Storage
    accounts: Accounts
    #: For whatever else has to be put somewhere.
    folder: Path


@contextmanager
def own_storage() -> Iterator[OwnStorage]:
    lifeline = Lifeline()
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        local = accounts.make(folder)
        process = azurite.start(local, folder / "azurite", folder / "azurite.log", lifeline.end)
        try:
            storage = Storage(local.settings())
            storage.prepare()
            yield OwnStorage(storage, local, folder)
        finally:
            process.terminate()
            process.wait()
            lifeline.cut()
