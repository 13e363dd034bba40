"""What is announced again when storage has lost its last seconds: all that has no outcome."""

from pathlib import Path

from services.console.job_control import JobControl
from services.console.poison import PoisonQueues
from shared import names
from shared.jobs import Jobs
from shared.messages import SegmentPlanned
from shared.runtime.poison import PoisonBox
from shared.storage import Storage
from tests.support.announced import announced, announced_videos, forget_announcements


def test_a_video_that_nobody_has_opened_yet(storage: Storage, tmp_path: Path) -> None:
    """Its arrival may be what was lost, though it has been announced once already."""
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    (tmp_path / "wave.jpg").write_bytes(b"a painting")
    control = JobControl(storage)
    video = control.submit(tmp_path / "clip.mp4", "original/clip.mp4")
    painting = control.teach(tmp_path / "wave.jpg", "wave")
    over = control.submit(tmp_path / "clip.mp4", "original/over.mp4")
    Jobs(storage).fail(over, None, "refused", "it was no good")
    forget_announcements(storage)
    assert control.replay() == 2
    assert [event.job for event in announced_videos(storage)] == [video]
    assert [event.job for event in announced(storage, "lessons")] == [painting]


def test_what_was_swept_away_and_is_back_is_swept_again(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    control, jobs = JobControl(storage), Jobs(storage)
    over = control.submit(tmp_path / "clip.mp4", "original/over.mp4")
    still = control.submit(tmp_path / "clip.mp4", "original/still.mp4")
    jobs.fail(over, None, "cancelled", "by a person")
    for job in (over, still):
        jobs.frames.write(f"{job}/00000/0000.tar", b"shard")
        jobs.segments.write(f"{job}/00000", b"segment")
    control.replay()
    assert [blob.name for blob in jobs.frames.under()] == [f"{still}/00000/0000.tar"]
    assert [blob.name for blob in jobs.segments.under()] == [f"{still}/00000"]


def test_records_that_cannot_be_read_keep_nothing_else_from_its_turn(
    storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    control, jobs = JobControl(storage), Jobs(storage)
    good = control.submit(tmp_path / "clip.mp4", "original/good.mp4")
    unclear = control.submit(tmp_path / "clip.mp4", "original/unclear.mp4")
    begun = control.submit(tmp_path / "clip.mp4", "original/begun.mp4")
    forget_announcements(storage)
    for record in (names.outcome_record(unclear), names.job_record(begun), "lost/job.json"):
        jobs.records.write(record, b"\x00 no record")
    for job in (unclear, good):
        jobs.frames.write(f"{job}/00000/0000.tar", b"shard")
    assert control.replay() == 2
    assert {event.job for event in announced_videos(storage)} == {good, begun}
    assert len(jobs.frames.under()) == 2  # what can't be judged is kept


def test_poison_of_jobs_whose_records_cannot_be_read_is_put_back_and_thrown_away(
    storage: Storage,
) -> None:
    planned = SegmentPlanned(trace="t", job="a-0123456789ab", segment=0)
    for record in (names.outcome_record(planned.job), names.job_record(planned.job)):
        Jobs(storage).records.write(record, b"\x00 no record")
    queue = storage.queue("segments")
    control = PoisonQueues(storage)
    for act, left in ((control.requeue, 1), (control.purge, 0)):
        queue.send(planned)
        delivery = queue.receive(30)
        assert delivery
        PoisonBox(storage).keep(delivery, planned, "it will never work", None)
        delivery.done()
        assert act(lambda entry: True) == 1
        assert queue.count() == left
        assert storage.poison("segments").count() == 0
        queue.clear()
