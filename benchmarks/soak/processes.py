"""Looks at processes that may end at any moment; an ended one has no children and no memory."""

import psutil

SANDBOX = "shared.sandbox.child"


def children(pid: int) -> list[int]:
    return [child.pid for child in _below(pid, recursive=False)]


def descendants(pid: int) -> list[int]:
    return [child.pid for child in _below(pid, recursive=True)]


def sandboxes(pid: int) -> list[int]:
    """The child processes in which a service decodes untrusted files."""
    return [child for child in children(pid) if SANDBOX in _command(child)]


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie doesn't."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def memory_mib(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0


def _below(pid: int, recursive: bool) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=recursive))
    except psutil.NoSuchProcess:
        return []


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
