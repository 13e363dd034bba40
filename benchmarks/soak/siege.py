"""The stack that is besieged: two splitters, two stitchers, and storage only through proxies."""

from pathlib import Path

from benchmarks.soak import processes
from services.console.accounts import Accounts
from services.console.stack import SERVICES, Stack
from tests.e2e.conftest import worker_pids

SPARED = ("splitter-2", "stitcher-2")
NODES = 2
#: So short that what is lost comes back while somebody still watches.
SETTINGS = {
    "IMPASTO_SEGMENT_SECONDS": "1",
    "IMPASTO_LEASE_SECONDS": "6",
    "IMPASTO_IDLE_SECONDS": "0.5",
    # Workers round alike only with as many threads.
    "IMPASTO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Besieged(Stack):
    services = (*SERVICES, *SPARED)

    def __init__(self, data: Path, through: Accounts) -> None:
        """`through` has the proxies' ports in place of Azurite's."""
        super().__init__(data, NODES)
        self._through = through

    def _environment(self) -> dict[str, str]:
        return super()._environment() | self._through.environment() | SETTINGS

    def workers(self) -> list[int]:
        """Themselves, not the shells that started them."""
        return [pid for shell in worker_pids(self.data) for pid in processes.descendants(shell)]
