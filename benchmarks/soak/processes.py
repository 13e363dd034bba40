"""Processes, as /proc shows them."""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CAGE = "multiprocessing.spawn"


def children(pid: int) -> Iterator[int]:
    for path in PROC.glob(f"{pid}/task/*/children"):
        yield from map(int, _text(path).split())


def cages(pid: int) -> list[int]:
    """The child processes in which a service decodes what may bite."""
    return [child for child in children(pid) if CAGE in _text(PROC / f"{child}/cmdline")]


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def alive(pid: int) -> bool:
    """A zombie isn't."""
    state = _text(PROC / f"{pid}/stat").rpartition(")")[2].split()
    return bool(state) and state[0] != "Z"


def memory_mib(pid: int) -> float:
    for line in _text(PROC / f"{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def of(folder: Path) -> list[str]:
    """Whatever runs with this folder in its arguments or its environment."""
    found = []
    for path in PROC.glob("[0-9]*"):
        command = _text(path / "cmdline").replace("\0", " ")
        if str(folder) in command + _text(path / "environ"):
            found.append(f"{path.name}: {command}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it is gone
        return ""
