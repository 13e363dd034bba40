"""What jobs print, repeated on the server's own output: a container's log has nothing else."""

import sys
from collections.abc import Sequence
from pathlib import Path

from services.batchai.places import Places
from services.batchai.records import Job

MOST_BYTES = 1 << 20


class Echo:
    """Of jobs that are over when it is made, nothing is repeated."""

    def __init__(self, places: Places, jobs: Sequence[Job]) -> None:
        self._places = places
        self._through = {job.id for job in jobs if job.over}
        #: How much of each file has been repeated.
        self._repeated: dict[Path, int] = {}

    def look(self, jobs: Sequence[Job]) -> None:
        """Repeat the lines that came since the last look; of a job that is over, all the rest."""
        for job in jobs:
            if job.started and job.id not in self._through:
                for path in sorted(self._places.logs(job).glob("std*.txt")):
                    self._repeat(job, path)
        self._through = {job.id for job in jobs if job.over}

    def _repeat(self, job: Job, path: Path) -> None:
        before = self._repeated.get(path, 0)
        with path.open("rb") as file:
            file.seek(before)
            new = file.read() if job.over else file.read(MOST_BYTES)
        if not job.over and len(new) < MOST_BYTES:
            new = new[: new.rfind(b"\n") + 1]  # the last line isn't complete yet
        self._repeated[path] = before + len(new)
        if job.over:
            del self._repeated[path]
        for line in new.decode(errors="replace").splitlines():
            sys.stdout.write(f"{job.name} | {line}\n")
        sys.stdout.flush()
