"""The web page under load: `python -m benchmarks.pages` writes benchmarks/pages.md.

A thousand jobs, of which some go on, ten thousand poisoned messages, and fifty open pages that do
what the script of a page does: wait for events, and fetch the page again.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import psutil

from benchmarks.machine import machine
from benchmarks.pages.first_paint import first_paints
from benchmarks.pages.full_storage import JOBS, POISON, RUNNING, fill, go_on
from benchmarks.pages.open_pages import OpenPages
from benchmarks.report import Table, table_lines
from benchmarks.storage_requests import LOGGING_FLAGS
from benchmarks.temporary_storage import TemporaryStorage, temporary_storage
from services.console import azurite, web_access
from services.console.web_access import WebAccess

PAGE = Path("benchmarks/pages.md")
SECONDS = float(os.environ.get("SECONDS", "60"))
HEAD = f"""# The web page under load

`python -m benchmarks.pages` wrote this page in one run on this machine. Don't edit it.

Storage has {JOBS:,} jobs, of which {RUNNING} go on (one of them records a chunk every second), and
{POISON:,} poisoned messages. Azurite, the service, the fifty pages and the browser share the cores,
with whatever else the machine did. A page that is open waits for events and, as its script does,
fetches itself again when something has changed, at most every 1.5 seconds.
"""


class Measured(NamedTuple):
    pages: int
    cpu_share: float
    requests: float
    fetches: float
    mib: float


@contextmanager
def web_service(place: TemporaryStorage) -> Iterator[tuple[WebAccess, psutil.Process]]:
    access = web_access.make(place.folder)
    environment = os.environ | place.accounts.environment() | access.environment()
    process = subprocess.Popen(
        [sys.executable, "-m", "services.web"],
        env=environment | {"IMPASTO_CLUSTER": "queue"},
    )
    try:
        if not access.wait():
            raise TimeoutError("the web service doesn't answer")
        yield access, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def measured(
    pages: int, place: TemporaryStorage, access: WebAccess, process: psutil.Process
) -> Measured:
    with OpenPages(access, pages) as opened, go_on(place.storage):
        opened.wait()
        log = place.folder / "azurite.log"
        read, fetched = log.stat().st_size, opened.fetched
        cpu, began = process.cpu_times(), time.monotonic()
        time.sleep(SECONDS)
        used, took = process.cpu_times(), time.monotonic() - began
        with log.open("rb") as file:
            file.seek(read)
            # Those that record chunks are ours.
            lines = [line for line in file if b"HTTP/1.1" in line and b"PUT" not in line]
        return Measured(
            pages,
            (used.user + used.system - cpu.user - cpu.system) / took,
            len(lines) / took,
            (opened.fetched - fetched) / took,
            process.memory_info().rss / 2**20,
        )


def main() -> None:
    with patch.object(azurite, "FLAGS", LOGGING_FLAGS), temporary_storage() as place:
        fill(place.storage)
        with web_service(place) as (access, process):
            paints = first_paints(access)
            rows = [measured(pages, place, access, process) for pages in (0, 1, 50)]
    load = Table(
        (
            "open pages",
            "CPU, of a core",
            "requests to storage a second",
            "pages fetched a second",
            "memory",
        ),
        [
            (
                str(row.pages),
                f"{row.cpu_share:.0%}",
                f"{row.requests:.1f}",
                f"{row.fetches:.1f}",
                f"{row.mib:.0f} MiB",
            )
            for row in rows
        ],
    )
    text = [HEAD, *table_lines(machine()), "", "## Open pages", "", *table_lines(load), ""]
    text += ["## First paint, in headless Chromium", "", *table_lines(paints), ""]
    PAGE.write_text("\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()
