"""What each service costs this machine: CPU time and memory, with all that it has started."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

import psutil

HERE = "here"
PREFIX = "services."


@dataclass
class Usage:
    cpu_seconds: float = 0
    #: Resident; what several processes share counts for each.
    memory: int = 0


def usage() -> defaultdict[str, Usage]:
    """Of each service below this process, by name; of this process and the rest, under HERE."""
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
    """With that of its children that have ended, in seconds."""
    return float(sum(process.cpu_times()[:4]))


def service_in(command: list[str]) -> str | None:
    """`services.batchai.node_agent` is part of batchai; Azurite is a program of console's."""
    for word in command:
        if word == "services.console.azurite":
            return "azurite"
        if word.startswith(PREFIX):
            return word.removeprefix(PREFIX).split(".")[0]
    return None


def tree_cpu(pid: int) -> float:
    """CPU seconds of a process and all that it has started."""
    process = psutil.Process(pid)
    seconds = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds += cpu_of(one)
    return seconds
