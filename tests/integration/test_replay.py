"""A replay announces every input that has no outcome, as after storage lost its latest writes."""

from pathlib import Path

from shared import names
from shared.control.job_control import JobControl
from shared.control.poison import PoisonQueues
from shared.jobs import Jobs
from shared.messages import SegmentPlanned
from shared.runtime.poison import PoisonBox
from shared.storage import Storage
from tests.support.announced import announced, announced_videos, forget_announcements
from workloads.video import VIDEO


def test_a_video_that_isnt_opened_is_announced_again(storage: Storage, tmp_path: Path) -> None:
    """Its message may be lost, though it is recorded as announced."""
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    (tmp_path / "wave.jpg").write_bytes(b"a painting")
    control = JobControl(storage)
    video = control.submit(VIDEO, tmp_path / "clip.mp4", "original/clip.mp4")
    painting = control.teach(VIDEO, tmp_path / "wave.jpg", "wave")
    over = control.submit(VIDEO, tmp_path / "clip.mp4", "original/over.mp4")
    Jobs(storage).fail(over, None, "refused", "it was no good")
    forget_announcements(storage)
    assert control.replay() == 2
    assert [event.job for event in announced_videos(storage)] == [video]
    assert [event.job for event in announced(storage, "lessons")] == [painting]


def test_what_is_left_of_ended_jobs_is_swept(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    control, jobs = JobControl(storage), Jobs(storage)
    over = control.submit(VIDEO, tmp_path / "clip.mp4", "original/over.mp4")
    still = control.submit(VIDEO, tmp_path / "clip.mp4", "original/still.mp4")
    jobs.fail(over, None, "cancelled", "by a person")
    for job in (over, still):
        jobs.shards.write(f"{job}/00000/0000.tar", b"shard")
        jobs.segments.write(f"{job}/00000", b"segment")
    control.replay()
    assert [blob.name for blob in jobs.shards.under()] == [f"{still}/00000/0000.tar"]
    assert [blob.name for blob in jobs.segments.under()] == [f"{still}/00000"]


def test_an_unreadable_record_keeps_no_other_job_from_being_announced(
    storage: Storage, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    control, jobs = JobControl(storage), Jobs(storage)
    good = control.submit(VIDEO, tmp_path / "clip.mp4", "original/good.mp4")
    unclear = control.submit(VIDEO, tmp_path / "clip.mp4", "original/unclear.mp4")
    begun = control.submit(VIDEO, tmp_path / "clip.mp4", "original/begun.mp4")
    forget_announcements(storage)
    for record in (names.outcome_record(unclear), names.job_record(begun), "lost/job.json"):
        jobs.records.write(record, b"\x00 no record")
    for job in (unclear, good):
        jobs.shards.write(f"{job}/00000/0000.tar", b"shard")
    assert control.replay() == 2
    assert {event.job for event in announced_videos(storage)} == {good, begun}
    assert len(jobs.shards.under()) == 2  # kept, as the outcomes can't be read


def test_poison_of_jobs_with_unreadable_records_can_be_requeued_and_purged(
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
