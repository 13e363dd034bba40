"""What a person may do with jobs: bring a video, see how far it is, cancel it, try it again."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from shared import names
from shared.arrivals import Arrivals, event_of
from shared.blobs import Container
from shared.errors import Malformed, Missing
from shared.jobs import Jobs, items_in
from shared.listing import list_all
from shared.logs import logger
from shared.messages import BlobCreated
from shared.models import Models
from shared.records import Failure, Job, Outcome, Result
from shared.storage import Storage

log = logger()
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

    def ended_as(self, outcome: Outcome) -> "Status":
        if isinstance(outcome, Failure):
            update = {"state": outcome.state, "reason": outcome.reason}
            return self.model_copy(update=update | {"source": outcome.source or self.source})
        counts = dict.fromkeys(("split", "scored", "stitched"), outcome.items)
        return self.model_copy(
            update={
                "state": "finished",
                "output": outcome.output,
                "notes": outcome.notes,
                "seconds": (outcome.finished - outcome.created).total_seconds(),
                **counts,
            }
        )

    @property
    def ended(self) -> bool:
        return self.state not in ("waiting", "running")


class Desk:
    def __init__(self, storage: Storage) -> None:
        self._input = storage.container("input")
        self._paintings = storage.container("styles")
        self._output = storage.container("output")
        self._models = Models(storage)
        self._arrivals = Arrivals(storage)
        self._jobs = Jobs(storage)

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
        event = event_of(container, blob, etag, path.stat().st_size)
        self._arrivals.announce_new(event)
        return event.job

    def fetch(self, output: str, path: Path) -> None:
        self._output.download(output, path)

    def download(self, job: str, folder: Path) -> Path:
        """Bring a finished job's output into the folder, over a file of its name; its path."""
        status = self.status(job)
        if status.output is None:
            reason = f": {status.reason}" if status.reason else ""
            raise Missing(f"{job} has no output: it is {status.state}{reason}")
        if self._is_lesson(job):
            raise Missing(f"{job} has no output: it taught a style, {status.output}")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(status.output).name
        self.fetch(status.output, path)
        return path

    def jobs(self) -> list[str]:
        return [name for name in self._jobs.records.folders() if name != names.NEWEST]

    def status(self, job: str) -> Status:
        known = self._jobs.find(job)
        outcome = self._jobs.outcome(job)
        arrival = None if known or outcome else self._arrivals.find(job)
        if not (known or outcome or arrival):
            raise Missing(f"there is no job called {names.shown(job)}")
        state: State = "running" if known or self._being_learnt(job) else "waiting"
        status = Status(job=job, state=state, source=arrival.blob if arrival else None)
        if known:
            plan = {"source": known.source.blob, "model": known.model, "items": known.items}
            status = status.model_copy(update=plan)
        if known and not isinstance(outcome, Result):
            status = self._with_progress(status, known)
        return status.ended_as(outcome) if outcome else status

    def _is_lesson(self, job: str) -> bool:
        arrival = self._arrivals.find(job)
        return arrival is not None and arrival.container == self._paintings.name

    def _being_learnt(self, job: str) -> bool:
        return self._jobs.segments.find(names.lesson_blob(job)) is not None

    def cancel(self, job: str) -> None:
        status = self.status(job)
        if status.state == "failed":  # it kept what it had done
            self._jobs.reopen(job)
        elif status.ended:
            return
        self._jobs.fail(job, status.source, "cancelled", "cancelled by a person")
        self._jobs.sweep(job)

    def retry(self, job: str) -> None:
        """Take up a job that failed, or was refused or cancelled, from what is there of it.

        A job that is on its way is announced again, and a finished one is left alone.
        """
        if isinstance(self._jobs.outcome(job), Result):
            return
        event = self._event_of(job)
        if event is None:
            self.status(job)  # raises Missing where there is no such job at all
            raise Missing(f"nothing is recorded of what {job} is made of; drop its file again")
        self._jobs.reopen(job)
        self._arrivals.announce(event)

    def replay(self) -> int:
        """Announce again all that has no outcome: how many. What is done of it isn't done twice."""
        there = [
            event_of(container, blob.name, blob.etag, blob.size, blob.md5)
            for container in (self._input, self._paintings)
            for blob in list_all(container).oldest_first()
        ]
        # Where the file is gone its job has to say so.
        gone = map(self._event_of, set(self.jobs()) - {event.job for event in there})
        every = [*there, *filter(None, gone)]
        unfinished = [event for event in every if not self._has_outcome(event.job)]
        # What was begun goes first.
        for event in sorted(unfinished, key=lambda event: not self._is_begun(event.job)):
            self._arrivals.announce(event)
        self._jobs.sweep_all_ended()
        return len(unfinished)

    def _event_of(self, job: str) -> BlobCreated | None:
        try:
            known = self._jobs.find(job)
            if known is None:
                return self._arrivals.find(job)
        except Malformed as error:
            log.warning("nobody knows what it is made of", job=job, why=str(error))
            return None
        source = known.source
        return event_of(self._input, source.blob, source.etag, source.size, source.md5)

    def _has_outcome(self, job: str) -> bool:
        """One that can't be read is one all the same."""
        try:
            return self._jobs.outcome(job) is not None
        except Malformed as error:
            log.warning("taken for ended", job=job, why=str(error))
            return True

    def _is_begun(self, job: str) -> bool:
        try:
            return self._jobs.find(job) is not None
        except Malformed:
            return True

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
