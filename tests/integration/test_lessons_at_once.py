"""Bounds on the paintings that are learnt at a time: by top folder, and by nodes."""

from contextlib import ExitStack

import pytest

from services.dispatcher.service import Dispatcher
from services.scorer.lesson_slots import LessonSlots
from services.scorer.lessons import Lessons
from services.scorer.settings import ScorerSettings
from shared.arrivals import event_of
from shared.clusters.queue.backend import Replicas
from shared.clusters.settings import WorkerSettings
from shared.errors import NotYet
from shared.jobs import Jobs
from shared.messages import BlobCreated, ChunkPlanned, decode
from shared.runtime.work import Work
from shared.settings import Settings
from shared.storage import Storage

PER_FOLDER = 2


@pytest.fixture
def slots(storage: Storage) -> LessonSlots:
    return LessonSlots(storage, PER_FOLDER)


def painting(storage: Storage, name: str) -> BlobCreated:
    styles = storage.container("styles")
    return event_of(styles, name, styles.write(name, b"not a picture"), 13)


def test_one_folder_has_so_many_slots_and_another_has_its_own(slots: LessonSlots) -> None:
    with slots.held("dutch/a.jpg"), slots.held("dutch/b.jpg"):
        with (
            pytest.raises(NotYet, match="2 models of its top folder"),
            slots.held("dutch/c.jpg"),
        ):
            raise AssertionError("a third slot")
        with slots.held("french/a.jpg"), slots.held("a.jpg"):
            pass
    with slots.held("dutch/c.jpg"), slots.held("dutch/d.jpg"):  # both are free again
        pass


def test_a_painting_without_a_slot_waits_and_is_not_refused(
    storage: Storage, settings: Settings, slots: LessonSlots
) -> None:
    own = settings.model_dump() | {"lessons_per_folder": PER_FOLDER}
    lessons = Lessons(storage, ScorerSettings.model_validate(own))
    event = painting(storage, "dutch/c.jpg")
    try:
        with ExitStack() as held:
            for name in ("dutch/a.jpg", "dutch/b.jpg"):
                held.enter_context(slots.held(name))
            with pytest.raises(NotYet):
                lessons.learn(event, Work(1))
            assert Jobs(storage).outcome(event.job) is None
    finally:
        lessons.close()


def test_files_that_are_only_made_and_folders_are_no_paintings(
    storage: Storage, settings: Settings
) -> None:
    lessons = Lessons(storage, ScorerSettings.model_validate(settings.model_dump()))
    inside = painting(storage, "moved/a.jpg")
    made = inside.model_copy(
        update={"data": inside.data.model_copy(update={"api": "CreateFile", "content_length": 0})}
    )
    folder = event_of(storage.container("styles"), "moved", "0x1", 0)
    folder = folder.model_copy(update={"event_type": "Microsoft.Storage.DirectoryRenamed"})
    try:
        for event in (made, folder):
            lessons.learn(event, Work(1))
            assert Jobs(storage).outcome(event.job) is None
    finally:
        lessons.close()
    # What is in a folder that was renamed is announced, and nothing else.
    [announced] = storage.queue("lessons").peek(32)
    assert decode(announced.text, BlobCreated).job == inside.job


class Counting(Replicas):
    asked = 0

    def start(self, workers: int) -> None:
        self.asked += workers


@pytest.mark.parametrize("chunks", [0, 6])
def test_waiting_paintings_start_a_bounded_number_of_workers(
    storage: Storage, settings: Settings, chunks: int
) -> None:
    own = settings.model_dump() | {"lesson_workers": 3, "nodes": 20}
    worker_settings = WorkerSettings.model_validate(own)
    cluster = Counting(20)
    for number in range(7):
        storage.queue("lessons").send(painting(storage, f"dutch/{number}.jpg"))
    for number in range(chunks):
        storage.queue("chunks").send(
            ChunkPlanned(
                trace="t",
                job="one-0123456789ab",
                segment=0,
                chunk=number,
                model="m",
                first_shard=number,
                shards=1,
            )
        )
    Dispatcher(storage, cluster, worker_settings).reconcile()
    assert cluster.asked == 3 + chunks // 2
