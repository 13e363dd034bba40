"""The videos that are dropped, valid and hostile, and the outcome of each."""

import itertools
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.soak import hostile_files
from benchmarks.soak.counts import Counts
from benchmarks.soak.fingerprints import Fingerprint, fingerprint_of
from shared import names
from shared.control.job_control import JobControl
from shared.jobs import Jobs
from shared.listing import list_all
from shared.records import Failure, Outcome, Result
from shared.storage import Storage
from tests.support.media import make_clip
from workloads.video import VIDEO

STYLES = ("original", "pencil", "great-wave")
#: x264 isn't deterministic for some narrower pictures.
SIZE = "256x144"

#: A video's output, or why it has none; None if it has no outcome.
FinalState = Fingerprint | str | None


class VideoKind(NamedTuple):
    """Videos with the same file and style, whose outputs must be equal."""

    path: Path
    style: str
    hostile: str | None = None


class Dropped(NamedTuple):
    kind: VideoKind
    blob: str
    job: str


class Load:
    def __init__(self, storage: Storage, folder: Path, counts: Counts) -> None:
        self._storage = storage
        self._folder = folder
        self._counts = counts
        self._control = JobControl(storage)
        self._jobs = Jobs(storage)
        self._numbers = itertools.count()
        self._ended: set[str] = set()
        clips = [
            make_clip(folder / "short.mp4", seconds=2, size=SIZE),
            make_clip(folder / "tracks.mkv", seconds=3, size=SIZE, tracks=("aac", "aac")),
        ]
        self.good = [VideoKind(clip, style) for clip in clips for style in STYLES]
        self.bad = [
            VideoKind(path, kind.style, kind.kind)
            for kind, path in hostile_files.make(folder, clips[0])
        ]
        self.dropped: list[Dropped] = []
        #: Uploads that Azurite lost when it was killed; they are dropped again.
        self.lost_uploads: list[Dropped] = []

    def drop(self, kind: VideoKind) -> None:
        blob = f"{kind.style}/{next(self._numbers)}{kind.path.suffix}"
        self.dropped.append(Dropped(kind, blob, self._control.submit(VIDEO, kind.path, blob)))
        if kind.hostile:
            self._counts.add(f"hostile: {kind.hostile}")

    def drop_a_bad_one(self) -> None:
        self.drop(random.choice(self.bad))

    def keep_busy(self, videos: int) -> None:
        for _ in range(videos - len(self.unfinished())):
            self.drop(random.choice(self.good))

    def drop_lost_uploads_again(self) -> None:
        found = list_all(self._storage.container("input")).blobs
        there = {names.job_id(blob.name, blob.etag) for blob in found}
        for lost in [dropped for dropped in self.dropped if dropped.job not in there]:
            self.dropped.remove(lost)
            self.lost_uploads.append(lost)
            again = self._control.submit(VIDEO, lost.kind.path, lost.blob)
            self.dropped.append(lost._replace(job=again))
        self._ended.clear()

    def unfinished(self) -> list[Dropped]:
        for dropped in self.dropped:
            if dropped.job not in self._ended and self._jobs.outcome(dropped.job):
                self._ended.add(dropped.job)
        return [dropped for dropped in self.dropped if dropped.job not in self._ended]

    def final_states(self, dropped: Iterable[Dropped]) -> dict[Dropped, FinalState]:
        return {each: self._final_state(each.job) for each in dropped}

    def _final_state(self, job: str) -> FinalState:
        outcome: Outcome | None = self._jobs.outcome(job)
        if isinstance(outcome, Failure):
            return f"{outcome.state}: {outcome.reason}"
        if isinstance(outcome, Result):
            path = self._folder / "output"
            self._control.fetch(outcome, path)
            return fingerprint_of(path)
        return None
