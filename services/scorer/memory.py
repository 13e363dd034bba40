"""How much memory this worker may use."""

import os
from pathlib import Path

#: Where a container's limit is told: by cgroups of version 2, and of version 1.
LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
#: The rest is for Python, weights, and the pictures on their way.
SHARE = 0.5


def memory_for_passes(cores: int) -> int:
    """In bytes: half of what a worker with so many of the machine's cores may use."""
    share = min(1, cores / (os.cpu_count() or 1))
    return int(memory_there_is() * share * SHARE)


def memory_there_is() -> int:
    """The container's limit in bytes, or all that the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in LIMITS if path.exists()]
    return min([machine, *(int(limit) for limit in limits if limit.isdecimal())])
