"""The stitcher's part: a round's predictions and summary, or a training's models and report."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shared import names
from shared.records import Job, Segment
from shared.shards import Item
from shared.storage import Storage
from shared.workload import Check, Made
from workloads.readings.bundles import trained_file
from workloads.readings.model_listing import ModelListing
from workloads.readings.prediction_files import csv_file, csv_rows, parquet_file
from workloads.readings.publishing import publish
from workloads.readings.round_detail import SplitDetail
from workloads.readings.scored import NOTES, Notes, notes_in, read_scored
from workloads.readings.settings import ReadingsSettings
from workloads.readings.summary import Summary
from workloads.readings.webhook import post
from workloads.readings.windows import Task

#: Rows that are copied at once.
ROWS = 1 << 17


class ReadingsStitching:
    def __init__(self, storage: Storage, settings: ReadingsSettings | None = None) -> None:
        settings = settings or ReadingsSettings()
        self._segments = storage.container("segments")
        self._models = ModelListing(storage)
        self._settings = settings

    def join(self, job: Job, segment: Segment, items: Iterator[Item], path: Path) -> None:
        """Write the segment's predictions as Parquet, or its models as Arrow."""
        if Task.of(job.source.blob).training:
            trained_file(items, path)
            return
        notes = Notes()
        with parquet_file(path) as file:
            for item in items:
                table, found = read_scored(item.data)
                notes = notes.merge(found)
                file.write_table(table)
            file.add_key_value_metadata({NOTES: notes.model_dump_json()})

    def finish(
        self, job: Job, segments: Sequence[Segment], sizes: Sequence[int], path: Path, check: Check
    ) -> Made:
        """A round's outputs; or publish a training's models, and report on them."""
        task = Task.of(job.source.blob)
        if task.training:
            with self._joined(job, segments, path) as files:
                return publish(task, job.job, files, self._models, path, check)
        detail = merged([SplitDetail.model_validate(segment.detail) for segment in segments])
        outputs = {
            f"{task.folder}.parquet": path / "predictions.parquet",
            f"{task.folder}.json": path / "summary.json",
        }
        if self._settings.readings_csv:
            outputs[f"{task.folder}.csv"] = path / "predictions.csv"
        with self._joined(job, segments, path) as files:
            notes, seen = self._write(files, outputs, task, check)
        missing = sorted(set(self._models.devices()) - seen)
        summary = Summary.of(task, notes, detail, missing)
        outputs[f"{task.folder}.json"].write_text(summary.model_dump_json(indent=1) + "\n")
        if detail.examples:
            rejected = path / "rejected.jsonl"
            lines = (example.model_dump_json() for example in detail.examples)
            rejected.write_text("".join(f"{line}\n" for line in lines))
            outputs[f"{task.folder}.rejected.jsonl"] = rejected
        return Made(outputs, summary.sentences(), self._poster(job.job, summary))

    def _poster(self, job: str, summary: Summary) -> Callable[[], None] | None:
        """Return what posts the summary, if somebody wants it."""
        url, seconds = self._settings.readings_webhook, self._settings.readings_webhook_seconds
        if url is None or not summary.anomalies:
            return None
        return partial(post, url.get_secret_value(), job, summary, seconds)

    def close(self) -> None:
        pass

    @contextmanager
    def _joined(
        self, job: Job, segments: Sequence[Segment], path: Path
    ) -> Iterator[Iterator[Path]]:
        """The joined segments that have anything, one file at a time."""
        part = path / "segment"

        def files() -> Iterator[Path]:
            for segment in segments:
                if segment.items:
                    self._segments.download(names.segment_blob(job.job, segment.segment), part)
                    yield part

        try:
            yield files()
        finally:
            part.unlink(missing_ok=True)

    def _write(
        self, files: Iterator[Path], outputs: dict[str, Path], task: Task, check: Check
    ) -> tuple[Notes, set[str]]:
        """Write Parquet and CSV; return the notes, and which devices sent readings."""
        notes = Notes()
        seen: set[str] = set()
        parquet = parquet_file(outputs[f"{task.folder}.parquet"])
        csv_path = outputs.get(f"{task.folder}.csv")
        csv = csv_file(csv_path) if csv_path else None
        try:
            for path in files:
                with pq.ParquetFile(path) as file:
                    notes = notes.merge(notes_in(file.metadata.metadata))
                    for batch in file.iter_batches(ROWS):
                        check()
                        seen.update(batch.column("device").dictionary.to_pylist())
                        parquet.write_batch(batch)
                        if csv:
                            csv.write_table(csv_rows(pa.Table.from_batches([batch])))
            seen.update(notes.without_model_names)
        finally:
            parquet.close()
            if csv:
                csv.close()
        return notes, seen


def merged(details: Sequence[SplitDetail]) -> SplitDetail:
    total = SplitDetail()
    for detail in details:
        total.readings += detail.readings
        total.late += detail.late
        total.repeated += detail.repeated
        total.examples = total.examples + detail.examples
        for reason, count in detail.rejected.items():
            total.rejected[reason] = total.rejected.get(reason, 0) + count
    return total
