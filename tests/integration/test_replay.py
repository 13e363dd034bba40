"""What is announced again when storage has lost its last seconds: all that has no outcome."""

from pathlib import Path

from services.console.jobs import Desk
from shared.jobs import Jobs
from shared.storage import Storage
from tests.announced import announced, announced_videos, forget_announcements


def test_a_video_that_nobody_has_opened_yet(storage: Storage, tmp_path: Path) -> None:
    """Its arrival may be what was lost, though it has been announced once already."""
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    (tmp_path / "wave.jpg").write_bytes(b"a painting")
    desk = Desk(storage)
    video = desk.submit(tmp_path / "clip.mp4", "original/clip.mp4")
    painting = desk.teach(tmp_path / "wave.jpg", "wave")
    over = desk.submit(tmp_path / "clip.mp4", "original/over.mp4")
    Jobs(storage).fail(over, None, "refused", "it was no good")
    forget_announcements(storage)
    assert desk.replay() == 2
    assert [event.job for event in announced_videos(storage)] == [video]
    assert [event.job for event in announced(storage, "lessons")] == [painting]


def test_what_was_swept_away_and_is_back_is_swept_again(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    desk, jobs = Desk(storage), Jobs(storage)
    over = desk.submit(tmp_path / "clip.mp4", "original/over.mp4")
    still = desk.submit(tmp_path / "clip.mp4", "original/still.mp4")
    jobs.fail(over, None, "cancelled", "by a person")
    for job in (over, still):
        jobs.frames.write(f"{job}/00000/0000.tar", b"shard")
        jobs.segments.write(f"{job}/00000", b"segment")
    desk.replay()
    assert [blob.name for blob in jobs.frames.under()] == [f"{still}/00000/0000.tar"]
    assert [blob.name for blob in jobs.segments.under()] == [f"{still}/00000"]
