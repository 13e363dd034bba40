"""The stitcher's part: encodes painted segments, and muxes them with the source's other streams."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.disk import check_room
from shared.jobs import Jobs
from shared.records import Job, Segment
from shared.shards import Item
from shared.storage import Storage
from shared.workload import Check, Made
from workloads.video.output_names import output_name
from workloads.video.settings import StitchingSettings
from workloads.video.stitching.encoding import encode
from workloads.video.stitching.muxer import Muxer, disk_needed, notes_of


class VideoStitching:
    def __init__(self, storage: Storage, settings: StitchingSettings | None = None) -> None:
        self._settings = settings or StitchingSettings()
        self._jobs = Jobs(storage)
        self._muxer = Muxer(storage, self._settings)
        self._muxer.start()
        self.close = self._muxer.close

    def join(self, job: Job, segment: Segment, items: Iterator[Item], path: Path) -> None:
        encode(items, job, segment, path, self._settings)

    def finish(
        self, job: Job, segments: Sequence[Segment], sizes: Sequence[int], path: Path, check: Check
    ) -> Made:
        check_room(path, disk_needed(job, sizes))
        job = self._jobs.with_current_etag(job)
        output = path / "output"
        made = self._muxer.mux(job, segments, sum(sizes), output, check)
        name = output_name(job.source.blob, made.suffix)
        return Made({name: output}, notes_of(job, segments) + made.notes)
