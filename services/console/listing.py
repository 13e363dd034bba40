"""All jobs, newest first, a page at a time; two calls of storage for each at the most."""

from itertools import islice
from urllib.parse import unquote

from services.console.jobs import Desk, Status
from shared import names
from shared.blobs import Blob
from shared.jobs import Jobs, items_in
from shared.storage import Storage


class Listing:
    def __init__(self, storage: Storage) -> None:
        self._desk = Desk(storage)
        self._jobs = Jobs(storage)

    def page(self, number: int, most: int) -> list[Status]:
        """`scored` grows by whole chunks here, and of a running job `stitched` isn't counted."""
        first = (number - 1) * most
        records = self._jobs.records
        listed = records.some_under(f"{names.NEWEST}/", first, most)
        jobs = {names.job_of_newest(blob.name): blob.metadata for blob in listed}
        if len(listed) < most:
            older = self._unlisted(first + len(listed), most - len(listed))
            jobs |= {job: {} for job in older}
        return [
            self._status(job, told.get("container"), unquote(told.get("blob", "")))
            for job, told in jobs.items()
        ]

    def _unlisted(self, first: int, most: int) -> list[str]:
        """Those of versions that didn't record when a job arrived; after all others."""
        listed = [names.job_of_newest(b.name) for b in self._jobs.records.under(names.NEWEST)]
        others = sorted(set(self._desk.jobs()) - set(listed))
        start = max(0, first - len(listed))
        return list(islice(others, start, start + most))

    def _status(self, job: str, container: str | None, source: str) -> Status:
        found = {blob.name: blob for blob in self._jobs.records.under(names.job_folder(job))}
        status = Status(job=job, state="waiting", source=source or None)
        plan = found.get(names.job_record(job))
        if plan:
            status = planned(status, plan)
        if names.outcome_record(job) in found:
            outcome = self._jobs.outcome(job)
            return status.ended_as(outcome) if outcome else status
        if plan:
            return self._running(status, found)
        if container == "styles" and self._jobs.segments.find(names.lesson_blob(job)):
            return status.model_copy(update={"state": "running"})
        return status

    def _running(self, status: Status, found: dict[str, Blob]) -> Status:
        known = self._jobs.find(status.job)
        if known is None:
            return status
        in_segments, in_chunks = (
            items_in(blob for name, blob in found.items() if name.startswith(folder))
            for folder in (names.segment_records(status.job), names.chunk_records(status.job))
        )
        return status.model_copy(
            update={
                "state": "running",
                "source": known.source.blob,
                "model": known.model,
                "items": known.items,
                "split": in_segments,
                "scored": min(known.items, in_chunks),
            }
        )


def planned(status: Status, plan: Blob) -> Status:
    items, model = plan.metadata.get("items", "0"), plan.metadata.get("model")
    update = {"items": int(items), "model": unquote(model) if model else None}
    return status.model_copy(update=update)
