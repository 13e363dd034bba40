"""Limits on a child's memory, CPU time, files and duration. Exceeding one ends the run and the
child."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MIB = 1024 * 1024
#: Enough for the pipes and the standard streams, the only descriptors it has.
OPEN_FILES = 16


class Limits(NamedTuple):
    memory_mib: int
    #: The longest time without a message.
    stall_seconds: float
    #: How long the parent waits for it in one run, in total.
    total_seconds: float
    #: CPU time of one run; 0 for what all cores could use in `total_seconds`.
    cpu_seconds: int = 0

    @property
    def cpu(self) -> int:
        return self.cpu_seconds or 1 + int(self.total_seconds * (os.cpu_count() or 1))


def limit_memory(memory_mib: int) -> None:
    """To be called before the warm-up: libraries allocate memory, too."""
    with suppress(ValueError, OSError):  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (memory_mib * MIB, memory_mib * MIB))


def limit_files() -> None:
    """Without RLIMIT_NPROC, which counts all of the user's processes and threads."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def limit_cpu(pid: int, seconds: int) -> None:
    """From now on: the process may have used CPU time in earlier runs. Linux only."""
    if sys.platform != "linux":
        return
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) // os.sysconf("SC_CLK_TCK")
    hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
    soft = used + 1 + seconds
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.prlimit(pid, resource.RLIMIT_CPU, (soft, hard))
