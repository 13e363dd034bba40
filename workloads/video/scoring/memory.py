"""How much memory a worker may use for scoring."""

import os
from pathlib import Path

#: The files with a container's limit: of cgroups version 2, and of version 1.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
#: The rest is for Python, the weights, and pictures in flight.
SHARE = 0.5


def memory_for_passes(cores: int) -> int:
    """In bytes: SHARE of the memory, in proportion to the worker's cores."""
    share = min(1, cores / (os.cpu_count() or 1))
    return int(available_memory() * share * SHARE)


def available_memory() -> int:
    """In bytes: the container's limit or the machine's memory, whichever is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in LIMITS if path.exists()]
    return min([machine, *(int(limit) for limit in limits if limit.isdecimal())])
