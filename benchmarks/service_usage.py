"""The CPU time and memory of each service, with all processes that it has started."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

import psutil

HERE = "here"
PREFIX = "services."


@dataclass
class Usage:
    cpu_seconds: float = 0
    #: Resident, so shared pages count for each process.
    memory: int = 0


def usage() -> defaultdict[str, Usage]:
    """By the name of each service below this process; HERE is this process and all others."""
    found: defaultdict[str, Usage] = defaultdict(Usage)
    add(psutil.Process(), HERE, found)
    return found


def add(process: psutil.Process, service: str, found: defaultdict[str, Usage]) -> None:
    with suppress(psutil.NoSuchProcess):
        service = service_in(process.cmdline()) or service
        found[service].cpu_seconds += cpu_of(process)
        found[service].memory += process.memory_info().rss
        for child in process.children():
            add(child, service, found)


def cpu_of(process: psutil.Process) -> float:
    """In seconds, including its children that have ended."""
    return float(sum(process.cpu_times()[:4]))


def service_in(command: list[str]) -> str | None:
    """The service in a command: `python -m services.batchai.node_agent` belongs to batchai."""
    for word in command:
        if word == "services.console.azurite":
            return "azurite"
        if word.startswith(PREFIX):
            return word.removeprefix(PREFIX).split(".")[0]
    return None


def tree_cpu(pid: int) -> float:
    """CPU seconds of a process and its descendants."""
    process = psutil.Process(pid)
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds += cpu_of(one)
    return seconds
