"""How many frames are painted twice when a worker is killed: `make kills` kills 20 workers.

Each time, the painted frames must be equal, byte for byte, to those of an undisturbed run. The
workers count the frames that they paint.
"""

import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.counting_worker import SETTING
from benchmarks.report import Goal, Report, Table, show
from services.console import stack as stack_module
from services.console.stack import Stack
from services.scorer.pipeline import SCORED_AHEAD
from shared import names
from shared.control.job_control import JobControl
from tests.support.media import make_clip
from tests.support.processes import worker_pids
from tests.support.waiting import eventually
from workloads.video import VIDEO
from workloads.video.scoring.cpu_threads import MOST_THREADS
from workloads.video.splitting.decoder import SHARD_FRAMES

KILLS = 20
STYLE = "great-wave"
#: The frames that a worker can lose: of a shard that isn't stored, and of the next one those that
#: are scored, encoded, at the painter, or submitted to it.
MOST = SHARD_FRAMES + SCORED_AHEAD + 1 + min(os.cpu_count() or 1, MOST_THREADS) + 1
WORKER = [sys.executable, "-m", "benchmarks.counting_worker"]


class Death(NamedTuple):
    after_frames: int
    redone: int
    same: bool
    seconds: float


class KillTrial:
    """A stack whose workers count their frames, and a clip that is painted many times."""

    def __init__(self, stack: Stack, clip: Path, notes: Path) -> None:
        self._control = JobControl(stack.storage)
        self._stack = stack
        self._clip = clip
        self._notes = notes
        self._count = 0
        self.frames = 0
        self._undisturbed = self._finish(self._submit())
        self.frames = self.painted()

    def painted(self) -> int:
        return self._notes.stat().st_size if self._notes.exists() else 0

    def kill_one(self, after_frames: int, pause: float) -> Death:
        before, began = self.painted(), time.monotonic()
        job = self._submit()
        eventually(lambda: self.painted() >= before + after_frames, "the frames", within=240)
        time.sleep(pause)
        for pid in worker_pids(self._stack.data):
            os.kill(pid, signal.SIGKILL)
        same = self._finish(job) == self._undisturbed
        redone = self.painted() - before - self.frames
        return Death(after_frames, redone, same, time.monotonic() - began)

    def _submit(self) -> str:
        self._count += 1
        return self._control.submit(VIDEO, self._clip, f"{STYLE}/{self._count}.mp4")

    def _finish(self, job: str) -> str:
        """Wait until the job has ended; a digest of its painted frames."""
        eventually(lambda: self._control.status(job).ended, "the job to end", within=600)
        status = self._control.status(job)
        assert status.state == "finished", status.reason
        scored = self._stack.storage.container("scored")
        digest = hashlib.sha256()
        for blob in sorted(scored.under(names.job_folder(job)), key=lambda blob: blob.name):
            digest.update(scored.read(blob.name))
        return digest.hexdigest()


@contextmanager
def kill_trial(folder: Path, seconds: float) -> Iterator[KillTrial]:
    clip = make_clip(folder / "clip.mp4", seconds=seconds, size="160x90")
    notes = folder / "notes"
    settings = {
        SETTING: str(notes),
        "IMPASTO_KEEP_INTERMEDIATES": "true",
        "IMPASTO_LEASE_SECONDS": "3",
        "IMPASTO_IDLE_SECONDS": "0.5",
    }
    with (
        patch.dict(os.environ, settings),
        patch.object(stack_module, "WORKER", WORKER),
        Stack(folder / "stack", nodes=1) as stack,
    ):
        yield KillTrial(stack, clip, notes)


def report() -> Report:
    chance = random.Random()
    with tempfile.TemporaryDirectory() as folder, kill_trial(Path(folder), seconds=8) as found:
        deaths = [
            found.kill_one(chance.randrange(found.frames), chance.uniform(0, 0.1))
            for _ in range(KILLS)
        ]
    most, same = max(death.redone for death in deaths), sum(death.same for death in deaths)
    goals = [
        Goal("most frames painted twice for one kill", f"≤ {MOST}", f"{most}", most <= MOST),
        Goal("outputs equal to the undisturbed one", f"{KILLS}", f"{same}", same == KILLS),
    ]
    rows = [
        (f"{death.after_frames}", f"{death.redone}", f"{death.seconds:.0f}") for death in deaths
    ]
    words = (
        f"{KILLS} times, a worker is killed at a random moment of a clip of {found.frames} frames."
    )
    return Report(goals, [words, Table(("after frames", "painted twice", "seconds"), rows)])


if __name__ == "__main__":
    show(report())
