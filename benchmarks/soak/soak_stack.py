"""The stack under test: two splitters, two stitchers, storage only through proxies, two keys.

Each account has two keys, as in Azure: `rotate_keys` gives the other one to every service that
starts from then on.
"""

from pathlib import Path

from benchmarks.soak import processes
from services.console import accounts
from services.console.accounts import Accounts
from services.console.stack import SERVICES, Stack
from tests.support.processes import worker_pids

NOT_KILLED = ("splitter-2", "stitcher-2")
NODES = 2
#: Short times, so that leases expire within the run.
SETTINGS = {
    "IMPASTO_SEGMENT_SECONDS": "1",
    "IMPASTO_LEASE_SECONDS": "6",
    "IMPASTO_IDLE_SECONDS": "0.5",
    "IMPASTO_READINGS_SHARD_MIB": "0.01",  # so that a round has several chunks
    # Sums are rounded differently with another number of threads.
    "IMPASTO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class TwoKeys(Accounts):
    """Accounts with a second key each; the first is the one in use."""

    other_media_key: str
    other_work_key: str

    @property
    def azurite(self) -> str:
        return (
            f"{accounts.MEDIA}:{self.media_key}:{self.other_media_key};"
            f"{accounts.WORK}:{self.work_key}:{self.other_work_key}"
        )

    def rotated(self) -> "TwoKeys":
        return self.model_copy(
            update={
                "media_key": self.other_media_key,
                "work_key": self.other_work_key,
                "other_media_key": self.media_key,
                "other_work_key": self.work_key,
            }
        )


def two_keys(made: Accounts) -> TwoKeys:
    return TwoKeys(
        **made.model_dump(), other_media_key=accounts.new_key(), other_work_key=accounts.new_key()
    )


class SoakStack(Stack):
    services = (*SERVICES, *NOT_KILLED)

    def __init__(self, data: Path, own: TwoKeys, blob_port: int, queue_port: int) -> None:
        """The ports are the proxies', in place of Azurite's."""
        super().__init__(data, NODES)
        self._own = own
        self._ports = {"blob_port": blob_port, "queue_port": queue_port}

    def rotate_keys(self) -> None:
        """Services that run keep the old keys, which stay valid."""
        self.accounts = self._own = self._own.rotated()

    def _make_accounts(self) -> Accounts:
        return self._own

    def _environment(self) -> dict[str, str]:
        through = self._own.model_copy(update=self._ports)
        return super()._environment() | through.environment() | SETTINGS

    def workers(self) -> list[int]:
        """The workers, not the shells that started them."""
        return [pid for shell in worker_pids(self.data) for pid in processes.descendants(shell)]
