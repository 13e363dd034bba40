"""A full disk: temporary files are on a small file system that is filled now and then."""

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.soak.counts import Counts

SIZE_MIB = 48
#: When the disk is freed although no service has logged that it is full.
LONGEST = 60.0
#: What services log when the disk is full.
SAID = "the disk is full"


class Disk:
    """A context manager that mounts the file system; `why_not` is the reason if it can't."""

    def __init__(self, folder: Path, logs: Path, counts: Counts) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        self._logs = logs
        self._counts = counts
        self._said = 0
        self._full_since = 0.0
        self.why_not: str | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        options = ["-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs"]
        done = subprocess.run(
            ["mount", *options, str(self._folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            self.why_not = done.stderr.strip() or "mounting a file system failed"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.why_not:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
        self._folder.rmdir()

    def fill(self) -> None:
        if self.why_not or self._ballast.exists():
            return
        self._full_since = time.monotonic()
        self._said = self._complaints()
        try:
            with self._ballast.open("wb", buffering=0) as file:
                while file.write(bytes(1 << 16)):
                    pass
        except OSError:
            return  # it is full

    def free_when_noticed(self) -> None:
        if self._complaints() > self._said or time.monotonic() > self._full_since + LONGEST:
            self.free()

    def free(self) -> None:
        if not self.why_not and self._ballast.exists():
            self._ballast.unlink()
            self._counts.add("disk full", self._complaints() - self._said)

    def _complaints(self) -> int:
        return sum(path.read_text().count(SAID) for path in self._logs.glob("*.log"))
