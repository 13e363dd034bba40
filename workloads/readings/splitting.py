"""The splitter's part: plans rounds, and groups a window's readings into shards."""

from collections import Counter
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from shared.disk import check_room
from shared.errors import Changed, ChildDied, ChildKilled, Missing
from shared.logs import logger
from shared.messages import BlobCreated
from shared.names import shown
from shared.records import Job, Segment, Source, Span
from shared.sandbox import MIB, Limits, Sandbox
from shared.shards import Item, pack
from shared.storage import Storage
from shared.workload import Check, Plan, WriteShard
from workloads.readings.columns import Columns
from workloads.readings.grouping import READING, Grouping, hash_of
from workloads.readings.round_detail import Example, File, RoundDetail, SplitDetail
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import Shard
from workloads.readings.windows import HOUR, ReadingsFiles, Task

log = logger()
CRASHED = "reading the file crashed"
GONE = "the file was replaced or removed"
#: Bytes that JSON takes for a reading; it decides into how many parts a window is sorted.
JSON_BYTES = 60


class Answer(BaseModel):
    """What the sandbox found in a part of a file."""

    devices: list[str] = []
    readings: int = Field(0, ge=0)
    counts: dict[str, int]
    examples: list[tuple[str, int, str]]


class Found(NamedTuple):
    detail: SplitDetail
    devices: int
    shards: int


class ReadingsSplitting:
    failure = "the readings can't be read"

    def __init__(self, storage: Storage, settings: ReadingsSettings | None = None) -> None:
        settings = settings or ReadingsSettings()
        self._settings = settings
        self._container = storage.container("readings")
        self._files = ReadingsFiles(self._container)
        limits = Limits(settings.reader_mib, settings.reader_seconds, settings.reader_total_seconds)
        self._sandbox = Sandbox("workloads.readings.tasks", limits, settings.require_sandbox)
        self.close = self._sandbox.close

    def plan(self, event: BlobCreated, check: Check) -> Plan:
        """List the files that arrived in the event's window."""
        task = Task.of(event.blob)
        check()
        files = [
            File(blob=blob.name, etag=blob.etag, size=blob.size)
            for blob in self._files.arrived_in(task.window)
        ]
        size = sum(file.size for file in files)
        source = Source(container=self._container.name, blob=event.blob, etag="", size=size)
        count = self._settings.readings_segments
        segments = [Span(start=number, stop=number + 1, items=0) for number in range(count)]
        model = f"train/{task.training}" if task.training else "devices"
        return Plan(source, model, segments, RoundDetail(files=files).model_dump())

    def split(self, job: Job, segment: int, write: WriteShard, check: Check) -> Segment:
        """Write the shards of the segment's devices.

        A file that crashes its reader is put aside: then everything is read again without it.
        """
        files = RoundDetail.model_validate(job.detail).files
        aside: dict[str, str] = {}
        while True:
            try:
                found = self._split(job, segment, files, aside, write, check)
                break
            except FileError as error:
                log.warning("file put aside", file=shown(error.file), reason=error.reason)
                aside[error.file] = error.reason
        return Segment(
            job=job.job,
            segment=segment,
            items=found.devices,
            shards=found.shards,
            detail=found.detail.model_dump(),
        )

    def _split(
        self,
        job: Job,
        segment: int,
        files: list[File],
        aside: dict[str, str],
        write: WriteShard,
        check: Check,
    ) -> Found:
        task = Task.of(job.source.blob)
        detail = SplitDetail()
        expected = job.source.size // JSON_BYTES * READING.itemsize // len(job.segments)
        with TemporaryDirectory(prefix="impasto-readings-") as folder:
            check_room(Path(folder), 2 * expected)
            with Grouping(Path(folder), expected) as grouping:
                for file in files:
                    if reason := aside.get(file.blob):
                        self._note(detail, file, {reason: 1}, [(reason, 0, "")])
                    else:
                        self._read(job, segment, task, file, grouping, detail, check)
                if segment:  # each segment reads all files; the first one counts
                    detail.rejected, detail.examples = {}, []
                return self._write(task, grouping, detail, write, check)

    def _read(
        self,
        job: Job,
        segment: int,
        task: Task,
        file: File,
        grouping: Grouping,
        detail: SplitDetail,
        check: Check,
    ) -> None:
        settings = self._settings
        window = task.window
        # Training takes a window's own readings only; a round also takes late ones.
        lateness = 0 if task.training else settings.readings_lateness_hours
        first = window.start.timestamp() - lateness * HOUR.total_seconds()
        last = window.stop.timestamp() + settings.readings_ahead_minutes * 60
        args = {
            "name": file.blob,
            "fields": list(settings.readings_fields),
            "bounds": [round(first * 1e6), round(last * 1e6)],
            "most_examples": settings.readings_rejected,
        }
        opened = {"source": partial(self._container.open, file.blob, file.etag, file.size)}
        try:
            with self._sandbox.run(check, "columns", Answer, args, opened) as found:
                for answer, data in found:
                    self._note(detail, file, answer.counts, answer.examples)
                    columns = columns_in(answer, data)
                    if len(job.segments) > 1:
                        columns = of_segment(columns, segment, len(job.segments))
                    grouping.add(columns)
        except ChildKilled:
            raise
        except ChildDied as error:
            self._read_sound_file(args, check)
            raise FileError(file.blob, f"{CRASHED}: {error}") from error
        except (Changed, Missing) as error:
            raise FileError(file.blob, GONE) from error

    def _read_sound_file(self, args: dict[str, object], check: Check) -> None:
        """Raise ChildDied if not even this can be read: then a crash isn't a file's fault."""
        files = {"source": lambda: BytesIO(b"device,time,value\n")}
        with self._sandbox.run(check, "columns", Answer, args | {"name": "a.csv"}, files) as found:
            list(found)

    def _note(
        self,
        detail: SplitDetail,
        file: File,
        counts: dict[str, int],
        examples: list[tuple[str, int, str]],
    ) -> None:
        detail.rejected = dict(Counter(detail.rejected) + Counter(counts))
        room = self._settings.readings_rejected - len(detail.examples)
        detail.examples += [
            Example(reason=reason, file=file.blob, place=place, text=text)
            for reason, place, text in examples[: max(0, room)]
        ]

    def _write(
        self,
        task: Task,
        grouping: Grouping,
        detail: SplitDetail,
        write: WriteShard,
        check: Check,
    ) -> Found:
        shards = devices = 0
        start = round(task.window.start.timestamp() * 1e6)
        most = self._settings.readings_shard_mib * MIB
        for group in grouping.groups():
            rows = group.columns.times
            detail.readings += len(rows)
            detail.late += int((rows < start).sum())
            detail.repeated += group.repeated
            devices += len(group.columns.devices)
            for first, stop in cuts(group.starts * READING.itemsize, most):
                check()
                shard = Shard(task, group.cut(first, stop))
                write(shards, pack([Item("readings.arrow", shard.encode())]))
                shards += 1
        return Found(detail, devices, shards)


class FileError(Exception):
    """A file can't be read at all."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file)
        self.file, self.reason = file, reason


def columns_in(answer: Answer, data: bytes) -> Columns:
    """Raise ChildDied if the bytes aren't what the answer says."""
    count = answer.readings
    if len(data) != count * READING.itemsize:
        raise ChildDied("it sent columns of another length")
    codes = np.frombuffer(data, np.int32, count)
    times = np.frombuffer(data, np.int64, count, 4 * count)
    values = np.frombuffer(data, np.float64, count, 12 * count)
    if count and not (codes.min() >= 0 and codes.max() < len(answer.devices)):
        raise ChildDied("it sent readings of devices that it didn't name")
    if not np.isfinite(values).all():
        raise ChildDied("it sent values that aren't finite")
    return Columns(answer.devices, codes, times, values)


def of_segment(columns: Columns, segment: int, segments: int) -> Columns:
    mine = np.array([hash_of(name) % segments == segment for name in columns.devices], bool)
    keep = mine[columns.codes]
    devices, codes, times, values = columns
    return Columns(devices, codes[keep], times[keep], values[keep])


def cuts(starts: NDArray[np.int64], most: float) -> list[tuple[int, int]]:
    """Cut devices into ranges of about equal size, of at most `most` bytes where that is possible.

    `starts` has the offset of each device's bytes, and their sum at the end.
    """
    count = max(1, int(np.ceil(starts[-1] / most)))
    aims = np.linspace(0, starts[-1], count + 1)[1:-1]
    bounds = sorted({0, *(int(np.searchsorted(starts, aim)) for aim in aims), len(starts) - 1})
    return list(pairwise(bounds))
