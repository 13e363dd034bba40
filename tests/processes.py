"""What is still running."""

import os
from pathlib import Path

import pytest


def processes_of(folder: Path) -> list[str]:
    """Whatever still runs with this data folder in its environment or arguments."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("there is no /proc to look for processes in")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            said = command + (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in said and int(process.name) != os.getpid():
            found.append(f"{process.name}: {command}")
    return found
