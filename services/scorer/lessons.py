"""Lessons: learn a model from each blob that is dropped into a workload's container of lessons.

A lesson is a job like any other: it is listed, can be cancelled, and ends with a result or a
failure.
"""

from datetime import UTC, datetime
from functools import cache

from services.scorer.lesson_slots import LessonSlots
from services.scorer.settings import ScorerSettings
from shared import names
from shared.arrivals import Arrivals
from shared.blobs import Blob
from shared.errors import Changed, Refused, Reject
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated
from shared.models import Models, name_of
from shared.records import Result, Source
from shared.runtime.work import Work
from shared.storage import Storage
from shared.worker_activity import WorkerActivity
from shared.workload import Checkpoint, Learning, Workload
from shared.workloads import installed, workload_of_lessons

log = logger()
LARGEST_MIB = 64


class Lessons:
    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._storage = storage
        self._activity = WorkerActivity(storage)
        self._jobs = Jobs(storage)
        self._arrivals = Arrivals(storage)
        self._models = Models(storage)
        self._slots = LessonSlots(storage, settings.lessons_per_folder)
        self._parts: list[Learning] = []
        self._part = cache(self._new_part)
        if settings.require_sandbox:
            for workload in installed().values():
                if workload.lessons:
                    self._part(workload)

    def close(self) -> None:
        for part in self._parts:
            part.close()

    def learn(self, event: BlobCreated, work: Work) -> None:
        workload = workload_of_lessons(event.container)
        if workload is None:
            raise Reject(f"no model is learnt from {names.shown(event.container)}")
        self._activity.record()
        container = self._storage.container(event.container)
        found = self._arrivals.current_events(container, event)
        if [other.job for other in found] != [event.job]:
            for other in found:
                self._arrivals.announce(other)
            return
        self._arrivals.record(event)
        if self._jobs.sweep_if_ended(event.job):
            return
        with self._slots.held(event.blob):
            self._learn(workload, event, work)

    def _learn(self, workload: Workload, event: BlobCreated, work: Work) -> None:
        began = datetime.now(UTC)
        part = self._part(workload)
        try:
            blob = self._require_blob(event)
            last = self._train(part, event, work)
        except INPUT_ERRORS as error:
            failure = f"the {workload.model} can't be learnt"
            end_job(self._jobs, event.job, Source.of(event), error, work.attempt, failure)
            return
        if last is None:
            return
        name = name_of(blob.name)
        self._models.publish(part.model(name, last, blob.etag))
        self._jobs.finish(
            Result(
                job=event.job,
                workload=workload.name,
                source=blob.name,
                output=name,
                items=1,
                created=began,
                finished=datetime.now(UTC),
            )
        )
        self._jobs.sweep(event.job)
        log.info("learnt", model=name)

    def _require_blob(self, event: BlobCreated) -> Blob:
        names.check_blob_name(event.blob)
        blob = self._jobs.find_source(Source.of(event))
        if blob is None:
            raise Changed(event.blob)
        self._models.check_new(name_of(blob.name))
        if blob.size > LARGEST_MIB << 20:
            raise Refused(f"the file is larger than {LARGEST_MIB} MiB")
        return blob

    def _train(self, part: Learning, event: BlobCreated, work: Work) -> Checkpoint | None:
        """Train from the last checkpoint on; None if the lesson was ended meanwhile."""

        def check() -> None:
            work.check()
            self._activity.record()

        data = self._storage.container(event.container).read(event.blob)
        last = before = self._last_checkpoint(event.job)
        for last in part.learn(data, before, check):
            if self._jobs.sweep_if_ended(event.job):
                return None
            progress = {"step": str(last.step), "steps": str(last.steps)}
            self._jobs.segments.write(names.lesson_blob(event.job), last.data, progress)
            self._models.show(name_of(event.blob), last.shown)
            log.info("learning", step=last.step, of=last.steps)
        return last

    def _last_checkpoint(self, job: str) -> Checkpoint | None:
        found = self._jobs.segments.find(names.lesson_blob(job))
        if found is None:
            return None
        step, steps = (int(found.metadata.get(key, "0")) for key in ("step", "steps"))
        return Checkpoint(step, steps, self._jobs.segments.read(found.name))

    def _new_part(self, workload: Workload) -> Learning:
        part = workload.learning()
        self._parts.append(part)
        return part
