"""What local workers of every kind have in common."""

import os
from collections.abc import Callable


class NoProcesses:
    """Workers for which a stack runs no processes of its own."""

    services: tuple[str, ...] = ()
    log_source = "dispatcher"

    def wait(self, running: Callable[[], bool]) -> None:
        """They can be started at any time."""

    def environment(self, service: str) -> dict[str, str]:
        return {}

    def close(self) -> None:
        """Nothing is left to end."""


def share_of_cores(workers: int) -> dict[str, str]:
    """How many threads each worker uses on this machine, unless IMPASTO_THREADS says it."""
    share = max(1, (os.cpu_count() or 1) // workers)
    return {"IMPASTO_THREADS": os.environ.get("IMPASTO_THREADS", str(share))}
