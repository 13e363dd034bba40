"""Prints the output of jobs on the server's own output, for a container's log."""

import sys
from collections.abc import Sequence
from pathlib import Path

from services.batchai.job_paths import JobPaths
from services.batchai.resources import BatchJob

MOST_BYTES = 1 << 20


class Echo:
    """Output of jobs that are already over isn't printed."""

    def __init__(self, job_paths: JobPaths, jobs: Sequence[BatchJob]) -> None:
        self._job_paths = job_paths
        self._finished = {job.id for job in jobs if job.over}
        #: How many bytes of each file have been printed.
        self._printed: dict[Path, int] = {}

    def print_new_lines(self, jobs: Sequence[BatchJob]) -> None:
        for job in jobs:
            if job.started and job.id not in self._finished:
                for path in sorted(self._job_paths.logs(job).glob("std*.txt")):
                    self._print_new(job, path)
        self._finished = {job.id for job in jobs if job.over}

    def _print_new(self, job: BatchJob, path: Path) -> None:
        before = self._printed.get(path, 0)
        with path.open("rb") as file:
            file.seek(before)
            new = file.read() if job.over else file.read(MOST_BYTES)
        if not job.over and len(new) < MOST_BYTES:
            new = new[: new.rfind(b"\n") + 1]  # the last line isn't complete yet
        self._printed[path] = before + len(new)
        if job.over:
            del self._printed[path]
        for line in new.decode(errors="replace").splitlines():
            sys.stdout.write(f"{job.name} | {line}\n")
        sys.stdout.flush()
