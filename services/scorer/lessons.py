"""Lessons: learn a style from each painting that is dropped into `styles`.

A lesson is a job like any other: it is listed, can be cancelled, and ends with a result or a
failure.
"""

from datetime import UTC, datetime

from services.scorer.catalog import PAINTER
from services.scorer.lesson_slots import LessonSlots
from services.scorer.painting_reader import PaintingReader
from services.scorer.settings import ScorerSettings
from shared import names
from shared.arrivals import Arrivals
from shared.blobs import Blob
from shared.errors import Changed, Refused, Reject
from shared.input_errors import INPUT_ERRORS, end_job
from shared.jobs import Jobs
from shared.logs import logger
from shared.messages import BlobCreated
from shared.models import Model, Models, name_of
from shared.records import Result, Source
from shared.runtime.work import Work
from shared.storage import Storage
from shared.worker_activity import WorkerActivity

log = logger()
LARGEST_MIB = 64
#: The number of steps between two checkpoints.
CHECKPOINT_STEPS = 20
FAILURE = "the style can't be learnt"


class Lessons:
    def __init__(self, storage: Storage, settings: ScorerSettings) -> None:
        self._activity = WorkerActivity(storage)
        self._settings = settings
        self._paintings = storage.container("styles")
        self._jobs = Jobs(storage)
        self._arrivals = Arrivals(storage)
        self._models = Models(storage)
        self._slots = LessonSlots(storage, settings.lessons_per_folder)
        self._reader = PaintingReader(settings)
        self.start, self.close = self._reader.start, self._reader.close

    def learn(self, event: BlobCreated, work: Work) -> None:
        if event.container != self._paintings.name:
            raise Reject(f"{names.shown(event.container)} isn't the container of paintings")
        self._activity.record()
        found = self._arrivals.current_events(self._paintings, event)
        if [other.job for other in found] != [event.job]:
            for other in found:
                self._arrivals.announce(other)
            return
        self._arrivals.record(event)
        if self._jobs.sweep_if_ended(event.job):
            return
        with self._slots.held(event.blob):
            self._learn(event, work)

    def _learn(self, event: BlobCreated, work: Work) -> None:
        began = datetime.now(UTC)
        try:
            painting = self._painting(event)
            data = self._fit(event.job, self._paintings.read(painting.name), work)
        except INPUT_ERRORS as error:
            end_job(self._jobs, event.job, Source.of(event), error, work.attempt, FAILURE)
            return
        if data is None:
            return
        name = name_of(painting.name)
        self._models.publish(Model(name, PAINTER, data, mixes=True, source=painting.etag))
        self._jobs.finish(
            Result(
                job=event.job,
                source=painting.name,
                output=name,
                items=1,
                created=began,
                finished=datetime.now(UTC),
            )
        )
        self._jobs.sweep(event.job)
        log.info("learnt", model=name)

    def _painting(self, event: BlobCreated) -> Blob:
        names.check_blob_name(event.blob)
        blob = self._jobs.find_source(Source.of(event))
        if blob is None:
            raise Changed(event.blob)
        self._models.check_new(name_of(blob.name))
        if blob.size > LARGEST_MIB << 20:
            raise Refused(f"the file is larger than {LARGEST_MIB} MiB")
        return blob

    def _fit(self, job: str, data: bytes, work: Work) -> bytes | None:
        """Train from the last checkpoint on; None if the lesson was ended meanwhile."""
        from services.scorer.painter import save_style
        from services.scorer.training.style_learner import StyleLearner

        checkpoint = names.lesson_blob(job)
        learner = StyleLearner(self._settings, self._reader.read(data, work.check))
        done = 0
        if found := self._jobs.segments.find(checkpoint):
            learner.resume(self._jobs.segments.read(checkpoint))
            done = int(found.metadata["step"])
        for step in learner.run(done):
            work.check()
            self._activity.record()
            if step == 1 or step % CHECKPOINT_STEPS == 0:
                if self._jobs.sweep_if_ended(job):
                    return None
                vector = save_style(learner.vector)
                steps = self._settings.learning_steps
                progress = {"step": str(step), "steps": str(steps)}
                self._jobs.segments.write(checkpoint, vector, progress)
                log.info("learning", step=step, of=steps)
        return save_style(learner.vector)
