"""How far a job is, worked out from what exists in storage."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel

from shared import names
from shared.arrivals import Arrivals
from shared.blobs import Blob
from shared.errors import Missing
from shared.jobs import Jobs, items_in
from shared.records import FIRST_WORKLOAD, Failure, Outcome
from shared.storage import Storage
from shared.workloads import installed, workload_of_lessons

State = Literal["waiting", "running", "finished", "refused", "failed", "cancelled"]


class Status(BaseModel):
    job: str
    state: State
    workload: str = FIRST_WORKLOAD
    source: str | None = None
    model: str | None = None
    output: str | None = None
    reason: str | None = None
    notes: list[str] = []
    items: int = 0
    split: int = 0
    scored: int = 0
    stitched: int = 0
    #: Of a lesson: how many steps of training it takes, and how many are done.
    steps: int = 0
    steps_done: int = 0
    seconds: float | None = None

    def ended_as(self, outcome: Outcome) -> "Status":
        if isinstance(outcome, Failure):
            update = {"state": outcome.state, "reason": outcome.reason}
            return self.model_copy(update=update | {"source": outcome.source or self.source})
        counts = dict.fromkeys(("split", "scored", "stitched"), outcome.items)
        return self.model_copy(
            update={
                "state": "finished",
                "workload": outcome.workload,
                "source": outcome.source,
                "output": outcome.output,
                "notes": outcome.notes,
                "seconds": (outcome.finished - outcome.created).total_seconds(),
                **counts,
            }
        )

    def count(self, items: int) -> str:
        """So many items, in the workload's word for them."""
        return f"{items} {self.items_word}"

    @property
    def items_word(self) -> str:
        workload = installed().get(self.workload)
        return workload.items if workload else "items"

    @property
    def ended(self) -> bool:
        return self.state not in ("waiting", "running")


class StatusReader:
    def __init__(self, storage: Storage) -> None:
        self._arrivals = Arrivals(storage)
        self._jobs = Jobs(storage)

    def read(self, job: str, container: str = "", source: str = "") -> Status | None:
        """The job's status; None if nothing is known of it.

        This takes two storage calls, if the job's source is given as well. `scored` grows by whole
        chunks; `stitched` is only counted when the job has finished.
        """
        try:
            return self.of(job, self._listed(job), container, source)
        except Missing:  # a record was deleted after it was listed
            return self.of(job, self._listed(job), container, source)

    def _listed(self, job: str) -> dict[str, Blob]:
        return {blob.name: blob for blob in self._jobs.records.under(names.job_folder(job))}

    def of(
        self, job: str, records: Mapping[str, Blob], container: str = "", source: str = ""
    ) -> Status | None:
        """The same from the job's listed records, by name."""
        if not records and not source:
            return None
        status = Status(job=job, state="waiting", source=source or None)
        plan = records.get(names.job_record(job))
        if plan:
            status = planned(status, plan, records)
        if names.outcome_record(job) in records and (outcome := self._jobs.outcome(job)):
            return status.ended_as(outcome)
        if plan:
            return self._running(status)
        if not source and (arrival := self._arrivals.find(job)):
            container, source = arrival.container, arrival.blob
        status = status.model_copy(update={"source": source or None})
        if workload_of_lessons(container) and (
            lesson := self._jobs.segments.find(names.lesson_blob(job))
        ):
            return learning(status, lesson)
        return status

    def with_shards(self, status: Status) -> Status:
        """The status with `scored` by shards, and `stitched`: two more storage calls."""
        segments = self._jobs.job(status.job).segments
        folder = names.job_folder(status.job)
        stitched = sum(
            segments[names.segment_of(blob.name)].items
            for blob in self._jobs.segments.under(folder)
        )
        scored = min(status.items, items_in(self._jobs.scored.under(folder)))
        return status.model_copy(update={"scored": max(stitched, scored), "stitched": stitched})

    def _running(self, status: Status) -> Status:
        if status.source and status.model:  # the listing has told everything
            scored = min(status.items, status.scored)
            return status.model_copy(update={"state": "running", "scored": scored})
        job = self._jobs.job(status.job)
        return status.model_copy(
            update={
                "state": "running",
                "workload": job.workload,
                "source": job.source.blob,
                "model": job.model,
                "scored": min(status.items, status.scored),
            }
        )


def learning(status: Status, checkpoint: Blob) -> Status:
    steps, done = (int(checkpoint.metadata.get(name, "0")) for name in ("steps", "step"))
    return status.model_copy(update={"state": "running", "steps": steps, "steps_done": done})


def planned(status: Status, plan: Blob, records: Mapping[str, Blob]) -> Status:
    """The status with what the names and the metadata of the job's records tell."""
    split, scored = (
        items_in(blob for name, blob in records.items() if name.startswith(folder))
        for folder in (names.segment_records(status.job), names.chunk_records(status.job))
    )
    model = plan.metadata.get("model")
    return status.model_copy(
        update={
            "workload": plan.metadata.get("workload", FIRST_WORKLOAD),
            # A plan need not know how many items there are; then those count that are split.
            "items": max(split, int(plan.metadata.get("items", "0"))),
            "model": unquote(model) if model else None,
            "split": split,
            "scored": scored,
        }
    )
