"""The local Batch AI of a stack. It ends its jobs when it is stopped."""

import time
from collections.abc import Callable
from pathlib import Path

from shared.clusters.batchai.access import Access
from shared.clusters.local import NoProcesses, share_of_cores
from shared.errors import Misconfigured

START_SECONDS = 30


class LocalBatchAI(NoProcesses):
    services = ("batchai",)
    log_source = "batchai"

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._threads = share_of_cores(workers)
        self._access: Access | None = None

    def wait(self, running: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while running() and time.monotonic() < until:
            self._access = Access.read(self._folder / "batchai")
            if self._access and self._access.answers():
                return
            time.sleep(0.05)
        raise Misconfigured(f"the local Batch AI didn't start; see {self._folder}/logs/batchai.log")

    def environment(self, service: str) -> dict[str, str]:
        if service in ("dispatcher", "web") and self._access:
            return self._access.environment() | self._threads
        return {}
