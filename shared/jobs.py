"""Jobs in storage: reads and writes their records and intermediates, and deletes leftovers."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

from shared import names
from shared.blobs import Blob, Container
from shared.errors import Changed, Malformed, Missing
from shared.messages import BlobCreated, Body
from shared.records import (
    OUTCOME,
    ChunkReport,
    Failure,
    FailureState,
    Job,
    Outcome,
    Record,
    Result,
    Segment,
    Source,
    Spent,
)
from shared.storage import Storage
from shared.telemetry.job_end import note_end

#: How many job records a service caches. They never change.
CACHED_JOBS = 32
R = TypeVar("R")


class Jobs:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.records: Container = storage.container("jobs")
        self.shards = storage.container("shards")
        self.scored = storage.container("scored")
        self.segments = storage.container("segments")
        self._intermediate = (self.shards, self.scored, self.segments)
        self.job = lru_cache(CACHED_JOBS)(self._job)

    def begin(self, job: Job) -> Job:
        """Record the job; return it as first recorded, perhaps by an earlier delivery."""
        name = names.job_record(job.job)
        metadata = {
            "items": str(job.items),
            "model": quote(job.model),
            "workload": job.workload,
        }
        return (
            job if self._write(name, job, metadata) else self._read(name, Job.model_validate_json)
        )

    def all(self) -> list[str]:
        """The ids of all jobs."""
        return [name for name in self.records.folders() if name != names.NEWEST]

    def _job(self, job: str) -> Job:
        return self._read(names.job_record(job), Job.model_validate_json)

    def find(self, job: str) -> Job | None:
        return self._find(names.job_record(job), Job.model_validate_json)

    def add_segment(self, segment: Segment) -> None:
        name = names.segment_record(segment.job, segment.segment)
        self._write(name, segment, item_count(segment.items))

    def segment(self, job: str, segment: int) -> Segment | None:
        return self._find(names.segment_record(job, segment), Segment.model_validate_json)

    def require_segment(self, job: str, segment: int) -> Segment:
        return self._read(names.segment_record(job, segment), Segment.model_validate_json)

    def has_shards(self, segment: Segment) -> bool:
        """False where its job was swept and then begun anew."""
        folder = names.segment_folder(segment.job, segment.segment)
        return len(self.shards.under(folder)) >= segment.shards

    def add_scored(self, shard: str, data: bytes, items: int, spent: Spent | None = None) -> bool:
        """Store a scored shard unless it exists; return whether this call stored it."""
        metadata = item_count(items) | (as_metadata("score", spent) if spent else {})
        return self.scored.write_once(shard, data, metadata)

    def add_chunk(self, report: ChunkReport) -> None:
        name = names.chunk_record(report.job, report.segment, report.chunk)
        self._write(name, report, item_count(report.items))

    def finish(self, result: Result, dropped: datetime | None = None) -> None:
        """Record the result, in place of any other outcome."""
        self.records.write(names.outcome_record(result.job), json_of(result))
        note_end(result.job, result.state, dropped or result.created, result.finished)

    def fail(self, job: str, source: str | None, state: FailureState, reason: str) -> None:
        """Record why the job ended, unless it has an outcome already."""
        now = datetime.now(UTC)
        failure = Failure(job=job, source=source, state=state, reason=reason, at=now)
        if self._write(names.outcome_record(job), failure):
            note_end(job, state, None, now)

    def fail_job_of(self, message: Body, reason: str) -> None:
        """Fail the job of a message, even if the job's record can't be read."""
        job = getattr(message, "job", None)
        if job is None:
            return
        source: str | None = None
        if isinstance(message, BlobCreated):
            source = message.blob
        else:
            with suppress(Malformed):
                known = self.find(job)
                source = known.source.blob if known else None
        self.fail(job, source, "failed", reason)

    def outcome(self, job: str) -> Outcome | None:
        return self._find(names.outcome_record(job), OUTCOME.validate_json)

    def ended(self, job: str) -> bool:
        return self.outcome(job) is not None

    def sweep_if_ended(self, job: str) -> bool:
        """Delete what is left of the job if it has ended; return whether it has.

        A failed job keeps its intermediate results, for another try.
        """
        outcome = self.outcome(job)
        if isinstance(outcome, Result):
            kept = self._storage.keep_intermediates
        else:
            kept = outcome is None or outcome.state == "failed"
        if not kept:
            self.sweep(job)
        return outcome is not None

    def find_source(self, source: Source) -> Blob | None:
        """Return the source as it is now; None if it is gone or may have other content.

        To set a blob's metadata changes its ETag but not its content.
        """
        blob = self._storage.container(source.container).find(source.blob)
        if blob and (
            blob.etag == names.plain_etag(source.etag)
            or blob.has_content_of(source.size, source.md5)
        ):
            return blob
        return None

    def with_current_etag(self, job: Job) -> Job:
        """Return the job with its source's present ETag; raise Changed if its content changed.

        Only for jobs of blobs: a window has no ETag.
        """
        blob = self.find_source(job.source)
        if blob is None:
            raise Changed(job.source.blob)
        return job.model_copy(update={"source": job.source.model_copy(update={"etag": blob.etag})})

    def reopen(self, job: str) -> None:
        """Delete the outcome of a job that wasn't finished."""
        if isinstance(self.outcome(job), Failure):
            self.records.delete(names.outcome_record(job))

    def sweep(self, job: str) -> None:
        """Delete the job's intermediate results."""
        for container in self._intermediate:
            container.delete_all(f"{job}/")

    def forget(self, job: str) -> None:
        """Delete the job's records; those that list it by time at last."""
        self.records.delete_all(names.job_folder(job))
        for blob in self.records.under(f"{names.NEWEST}/"):
            if names.job_of_newest(blob.name) == job:
                self.records.delete(blob.name)

    def sweep_all_ended(self) -> None:
        """Delete what is left of any job that has ended: storage may have lost deletions."""
        for job in {job for container in self._intermediate for job in container.folders()}:
            with suppress(Malformed):  # kept, where the outcome can't be read
                self.sweep_if_ended(job)

    def scored_shards(self, job: str, segment: int) -> set[str]:
        return {blob.name for blob in self.scored.under(names.segment_folder(job, segment))}

    def _write(self, name: str, record: Record, metadata: Mapping[str, str] | None = None) -> bool:
        return self.records.write_once(name, json_of(record), metadata)

    def _read(self, name: str, parse: Callable[[bytes], R]) -> R:
        try:
            return parse(self.records.read(name))
        except ValueError as error:
            raise Malformed(f"the record {name} can't be read: {error}") from error

    def _find(self, name: str, parse: Callable[[bytes], R]) -> R | None:
        try:
            return self._read(name, parse)
        except Missing:
            return None


def json_of(record: Record) -> bytes:
    return record.model_dump_json().encode()


def item_count(items: int) -> dict[str, str]:
    """Metadata that shows a job's progress in listings."""
    return {"items": str(items)}


def as_metadata(stage: str, spent: Spent) -> dict[str, str]:
    """What a stage used, as metadata that the listings of later stages show anyway."""
    return {f"{stage}_seconds": str(spent.seconds), f"{stage}_cpu": str(spent.cpu_seconds)}


def spent_on(stage: str, blobs: Iterable[Blob]) -> Spent:
    """The sum over blobs; those of older versions don't say."""
    told = [blob.metadata for blob in blobs]
    return Spent(
        seconds=round(sum(float(each.get(f"{stage}_seconds", 0)) for each in told), 3),
        cpu_seconds=round(sum(float(each.get(f"{stage}_cpu", 0)) for each in told), 3),
    )


def items_in(blobs: Iterable[Blob]) -> int:
    return sum(int(blob.metadata.get("items", 0)) for blob in blobs)
