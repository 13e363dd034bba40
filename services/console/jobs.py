"""What a person may do with jobs: bring a video, see how far it is, cancel it, try it again."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from shared import names
from shared.arrivals import announcement
from shared.blobs import Container
from shared.errors import Missing
from shared.jobs import Jobs, items_in
from shared.models import Models
from shared.records import Job, Result
from shared.storage import Storage

State = Literal["waiting", "running", "finished", "refused", "failed", "cancelled"]


class Status(BaseModel):
    """How far a job is; all of it read off what exists in storage."""

    job: str
    state: State
    source: str | None = None
    model: str | None = None
    output: str | None = None
    reason: str | None = None
    notes: list[str] = []
    items: int = 0
    split: int = 0
    scored: int = 0
    stitched: int = 0
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        return self.state not in ("waiting", "running")


class Desk:
    def __init__(self, storage: Storage) -> None:
        self._input = storage.container("input")
        self._paintings = storage.container("styles")
        self._output = storage.container("output")
        self._models = Models(storage)
        self._arrivals = storage.queue("arrivals")
        self._lessons = storage.queue("lessons")
        self._jobs = Jobs(storage)
        self._submitted: dict[str, str] = {}

    def submit(self, path: Path, blob: str) -> str:
        """Upload a video; the job that it will be."""
        return self._bring(self._input, path, blob)

    def teach(self, path: Path, style: str) -> str:
        """Upload a painting to be learnt; the job that it will be."""
        self._models.check_new(style)
        return self._bring(self._paintings, path, f"{style}{path.suffix.lower()}")

    def _bring(self, container: Container, path: Path, blob: str) -> str:
        names.check_blob_name(blob)
        with path.open("rb") as file:
            etag = container.write(blob, file)
        job = names.job_id(blob, etag)
        self._submitted[job] = blob
        return job

    def fetch(self, output: str, path: Path) -> None:
        self._output.download(output, path)

    def jobs(self) -> list[str]:
        return self._jobs.records.folders()

    def status(self, job: str) -> Status:
        known = self._jobs.find(job)
        outcome = self._jobs.outcome(job)
        if not (known or outcome or job in self._submitted or self._announced(job)):
            raise Missing(f"there is no job called {names.shown(job)}")
        state: State = "running" if known or self._being_learnt(job) else "waiting"
        status = Status(job=job, state=state, source=self._submitted.get(job))
        if known:
            plan = {"source": known.source.blob, "model": known.model, "items": known.items}
            status = status.model_copy(update=plan)
        if isinstance(outcome, Result):
            items = outcome.items
            return status.model_copy(
                update={
                    "state": "finished",
                    "output": outcome.output,
                    "notes": outcome.notes,
                    "seconds": (outcome.finished - outcome.created).total_seconds(),
                    "split": items,
                    "scored": items,
                    "stitched": items,
                }
            )
        if known:
            status = self._with_progress(status, known)
        if outcome:
            return status.model_copy(
                update={
                    "state": outcome.state,
                    "reason": outcome.reason,
                    "source": outcome.source or status.source,
                }
            )
        return status

    def _announced(self, job: str) -> bool:
        return self._jobs.records.find(names.arrival_record(job)) is not None

    def _being_learnt(self, job: str) -> bool:
        return self._jobs.segments.find(names.lesson_blob(job)) is not None

    def cancel(self, job: str) -> None:
        status = self.status(job)
        if status.ended:
            return
        self._jobs.fail(job, status.source, "cancelled", "cancelled by a person")
        self._jobs.sweep(job)

    def retry(self, job: str) -> bool:
        """Take the failure back and go on from what is there already; whether it could be done."""
        self._jobs.reopen(job)
        known = self._jobs.find(job)
        if known:
            self._announce(known)
        return known is not None

    def replay_open(self) -> None:
        """Announce again all that is unfinished; what is done of it already is not done twice."""
        there = set()
        for container, queue in ((self._input, self._arrivals), (self._paintings, self._lessons)):
            for blob in container.under():
                job = names.job_id(blob.name, blob.etag)
                there.add(job)
                if not self._jobs.outcome(job):
                    queue.send(announcement(container, blob.name, blob.etag, blob.size))
        for job in set(self.jobs()) - there:  # what it was made of is gone, and it has to say so
            known = self._jobs.find(job)
            if known and not self._jobs.outcome(job):
                self._announce(known)
        self._jobs.sweep_ended()

    def _announce(self, job: Job) -> None:
        source = job.source
        self._arrivals.send(announcement(self._input, source.blob, source.etag, source.size))

    def _with_progress(self, status: Status, job: Job) -> Status:
        folder = names.job_folder(job.job)
        split = items_in(self._jobs.records.under(names.segment_records(job.job)))
        scored = items_in(self._jobs.scored.under(folder))
        stitched = sum(
            job.segments[names.segment_of(blob.name)].items
            for blob in self._jobs.segments.under(folder)
        )
        return status.model_copy(
            update={
                "split": split,
                "scored": max(stitched, min(job.items, scored)),
                "stitched": stitched,
            }
        )
