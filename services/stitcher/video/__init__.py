"""All that the stitcher knows of video. What reads the source runs in a sandbox: see `tasks.py`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel

from services.stitcher.settings import StitcherSettings
from services.stitcher.video.encoding import encode
from shared import names
from shared.records import Job, Segment
from shared.sandbox import MIB, Limits, Output, Sandbox
from shared.storage import Storage
from shared.video import SegmentDetail, VideoDetail

__all__ = ["Muxed", "Muxer", "encode", "notes_of", "scratch_of"]

#: What an output may be longer than all that goes into it, taken twice.
HEADERS = 64 * MIB

TOLD = {
    "lost": "could not be decoded",
    "damaged": "are damaged",
    "scaled": "were of another size, and are scaled",
}


class Muxed(BaseModel):
    suffix: Literal[".mp4", ".mkv"]
    notes: list[str]


class Muxer:
    """Makes an output of a source and its painted segments, in a sandbox."""

    def __init__(self, storage: Storage, settings: StitcherSettings) -> None:
        self._input = storage.container("input")
        self._segments = storage.container("segments")
        self._told = settings.own()
        limits = Limits(settings.muxer_mib, settings.muxer_seconds, settings.muxer_total_seconds)
        self._sandbox = Sandbox(f"{__name__}.tasks", limits, settings.require_sandbox)
        self.start, self.close = self._sandbox.start, self._sandbox.close

    def mux(
        self, job: Job, segments: list[Segment], size: int, path: Path, check: Callable[[], None]
    ) -> Muxed:
        """Write the output to the path. Segments, of that size together, are fetched in turn."""
        source = job.source
        files: dict[str, Callable[[], BinaryIO]] = {
            f"segment/{segment.segment}": partial(self._fetched, segment, path.with_name("segment"))
            for segment in segments
        }
        files["source"] = lambda: self._input.open(source.blob, source.etag, source.size)
        args = {
            "settings": self._told,
            "detail": job.detail,
            "times": [SegmentDetail.model_validate(each.detail).pts for each in segments],
        }
        with path.open("w+b") as file:
            output = Output(file, 2 * (source.size + size) + HEADERS)
            with self._sandbox.run(check, "mux", Muxed, args, files, output) as found:
                [muxed] = found
        return muxed.value

    def _fetched(self, segment: Segment, path: Path) -> BinaryIO:
        """Gone from the disk as soon as it is closed."""
        self._segments.download(names.segment_blob(segment.job, segment.segment), path)
        file = path.open("rb")
        path.unlink()
        return file


def scratch_of(job: Job, segments: list[int]) -> int:
    """How many bytes muxing puts on the disk, of segments of these sizes, as far as is known."""
    passengers = VideoDetail.model_validate(job.detail).passengers
    return sum(segments) + max(segments) + passengers


def notes_of(job: Job, segments: list[Segment]) -> list[str]:
    """What a viewer should be told: how the picture was changed, and what of it is missing."""
    detail = VideoDetail.model_validate(job.detail)
    notes = list(detail.notes)
    details = [SegmentDetail.model_validate(segment.detail) for segment in segments]
    for what, verb in TOLD.items():
        hurt = [n for n, found in enumerate(details) if getattr(found, what)]
        if hurt:
            count = sum(getattr(details[n], what) for n in hurt)
            first, last = job.segments[hurt[0]].start, job.segments[hurt[-1]].stop
            start, stop = float(first * detail.tick), float(last * detail.tick)
            notes.append(
                f"{count} of {job.items} frames {verb}, between {start:.1f} and {stop:.1f} s"
            )
    return notes
