"""All that the stitcher knows of video. What reads the source runs in a cage."""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from services.stitcher.settings import StitcherSettings
from services.stitcher.video.encoding import encode
from services.stitcher.video.muxing import mux
from services.stitcher.video.packets import Encoded
from shared import names
from shared.records import Job, Segment
from shared.storage import Storage
from shared.video import SegmentDetail, VideoDetail

__all__ = ["Muxed", "encode", "muxed", "notes_of", "scratch_of", "times_of"]


TOLD = {
    "lost": "could not be decoded",
    "damaged": "are damaged",
    "scaled": "were of another size, and are scaled",
}


class Muxed(NamedTuple):
    suffix: str
    notes: list[str]


def times_of(segment: Segment) -> list[int]:
    return SegmentDetail.model_validate(segment.detail).pts


def muxed(
    settings: StitcherSettings, job: Job, segments: list[Segment], path: Path
) -> Iterator[Muxed]:
    """Write the job's output to the path."""
    storage = storage_of(settings)
    source = job.source
    detail = VideoDetail.model_validate(job.detail)
    with storage.container("input").open(source.blob, source.etag, source.size) as file:
        packets = partial(encoded, storage, segments, path.parent)
        kind, left = mux(packets, detail, file, path, settings)
    yield Muxed(f".{kind}", left)


def encoded(storage: Storage, segments: list[Segment], folder: Path) -> Iterator[Encoded]:
    """Segments in order, one at a time on the disk."""
    container = storage.container("segments")
    path = folder / "segment"
    for segment in segments:
        if segment.items:
            container.download(names.segment_blob(segment.job, segment.segment), path)
            yield Encoded(path, times_of(segment))
            path.unlink()


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


@cache
def storage_of(settings: StitcherSettings) -> Storage:
    return Storage(settings)
