"""Muxes outputs. That reads the source, so it runs in a sandbox (`tasks.py`)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel

from shared import names
from shared.records import Job, Segment
from shared.sandbox import MIB, Limits, Output, Sandbox
from shared.storage import Storage
from shared.workload import Check
from workloads.video.detail import SegmentDetail, VideoDetail
from workloads.video.settings import StitchingSettings

#: The module that the sandbox runs.
TASKS = "workloads.video.stitching.tasks"
#: An output may be as large as its inputs twice, and this.
HEADERS = 64 * MIB

#: Notes on counts in SegmentDetail.
NOTES = {
    "lost": "could not be decoded",
    "damaged": "are damaged",
    "scaled": "were of another size, and are scaled",
}


class Muxed(BaseModel):
    suffix: Literal[".mp4", ".mkv"]
    notes: list[str]


class Muxer:
    """Muxes the source and its painted segments into an output, in a sandbox."""

    def __init__(self, storage: Storage, settings: StitchingSettings) -> None:
        self._input = storage.container("input")
        self._segments = storage.container("segments")
        self._own_settings = settings.own()
        limits = Limits(settings.muxer_mib, settings.muxer_seconds, settings.muxer_total_seconds)
        self._sandbox = Sandbox(TASKS, limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def mux(
        self, job: Job, segments: Sequence[Segment], size: int, path: Path, check: Check
    ) -> Muxed:
        """Write the output to `path`. The segments, `size` bytes in all, are downloaded in turn."""
        source = job.source
        download = partial(self._downloaded, path.with_name("segment"))
        files: dict[str, Callable[[], BinaryIO]] = {
            f"segment/{segment.segment}": partial(download, segment) for segment in segments
        }
        files["source"] = lambda: self._input.open(source.blob, source.etag, source.size)
        args = {
            "settings": self._own_settings,
            "detail": job.detail,
            "times": [SegmentDetail.model_validate(each.detail).pts for each in segments],
        }
        with path.open("w+b") as file:
            output = Output(file, 2 * (source.size + size) + HEADERS)
            with self._sandbox.run(check, "mux", Muxed, args, files, output) as found:
                [muxed] = found
        return muxed.value

    def _downloaded(self, path: Path, segment: Segment) -> BinaryIO:
        """Download the segment into a file that is deleted when it is closed."""
        self._segments.download(names.segment_blob(segment.job, segment.segment), path)
        file = path.open("rb")
        path.unlink()
        return file


def disk_needed(job: Job, segments: Sequence[int]) -> int:
    """About how many bytes muxing needs on the disk for segments of these sizes."""
    copied = VideoDetail.model_validate(job.detail).passengers
    return sum(segments) + max(segments) + copied


def notes_of(job: Job, segments: Sequence[Segment]) -> list[str]:
    """Sentences for the viewer: how the picture was changed, and what is missing."""
    detail = VideoDetail.model_validate(job.detail)
    notes = list(detail.notes)
    details = [SegmentDetail.model_validate(segment.detail) for segment in segments]
    for field, note in NOTES.items():
        affected = [n for n, segment in enumerate(details) if getattr(segment, field)]
        if affected:
            count = sum(getattr(details[n], field) for n in affected)
            first, last = job.segments[affected[0]].start, job.segments[affected[-1]].stop
            start, stop = float(first * detail.tick), float(last * detail.tick)
            notes.append(
                f"{count} of {job.items} frames {note}, between {start:.1f} and {stop:.1f} s"
            )
    return notes
