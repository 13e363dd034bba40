"""What a person does with jobs: submit, watch, retry, cancel, download."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.trigger.service import Trigger
from shared import names
from shared.arrivals import Arrivals, window_event
from shared.control.job_control import JobControl
from shared.control.listing import Listing
from shared.errors import Missing, Refused
from shared.jobs import Jobs
from shared.records import Job, Result, Source, Span
from shared.storage import Storage
from tests.support.announced import announced, announced_videos, forget_announcements
from workloads.video import VIDEO


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a video")
    return path


def begun(storage: Storage, job: str, blob: str) -> Job:
    found = storage.container("input").find(blob)
    assert found
    return Jobs(storage).begin(
        Job(
            job=job,
            trace="t-1",
            source=Source(container="input", blob=blob, etag=found.etag, size=found.size),
            model="original",
            created=datetime.now(UTC),
            segments=[Span(start=0, stop=10, items=10)],
        )
    )


def waiting_videos(storage: Storage) -> list[str]:
    return [event.job for event in announced_videos(storage)]


def waiting_lessons(storage: Storage) -> list[str]:
    return [event.job for event in announced(storage, "lessons")]


def test_a_submitted_job_is_known_to_all_processes_at_once(storage: Storage, video: Path) -> None:
    """Also without a trigger."""
    job = JobControl(storage).submit(VIDEO, video, "original/clip.mp4")
    status = JobControl(storage).status(job)
    assert (status.state, status.source) == ("waiting", "original/clip.mp4")
    assert job in Jobs(storage).all()
    assert waiting_videos(storage) == [job]
    assert not Trigger(storage).announce_new()  # it has been announced


def test_a_lesson_is_known_to_all_processes_at_once(storage: Storage, video: Path) -> None:
    job = JobControl(storage).teach(VIDEO, video, "wave")
    status = JobControl(storage).status(job)
    assert (status.state, status.source) == ("waiting", "wave.mp4")
    assert job in Jobs(storage).all()
    assert waiting_lessons(storage) == [job]
    assert waiting_videos(storage) == []


@pytest.mark.parametrize(
    ("metadata", "steps"),
    [({"step": "140", "steps": "700"}, (140, 700)), ({"step": "140"}, (140, 0))],
    ids=["now", "by a worker of an older version"],
)
def test_a_lesson_shows_how_far_it_is(
    storage: Storage, video: Path, metadata: dict[str, str], steps: tuple[int, int]
) -> None:
    control = JobControl(storage)
    job = control.teach(VIDEO, video, "wave")
    storage.container("segments").write(names.lesson_blob(job), b"a checkpoint", metadata)
    [listed] = Listing(storage).page(1, 2)
    for status in (control.status(job), listed):
        assert status.state == "running"
        assert (status.steps_done, status.steps) == steps
        assert status.items == status.scored == 0


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "never opened"])
def test_a_failed_job_is_retried_from_what_it_had_done(
    storage: Storage, video: Path, planned: bool
) -> None:
    control, jobs = JobControl(storage), Jobs(storage)
    job = control.submit(VIDEO, video, "original/clip.mp4")
    forget_announcements(storage)
    if planned:
        begun(storage, job, "original/clip.mp4")
    jobs.shards.write(f"{job}/00000/0000.tar", b"shard")
    jobs.fail(job, None, "failed", "the output can't be made")
    assert jobs.sweep_if_ended(job)
    for _ in range(2):  # the second time, it is only announced again
        control.retry(job)
        assert control.status(job).state == ("running" if planned else "waiting")
        assert waiting_videos(storage) == [job]
        forget_announcements(storage)
    assert [blob.name for blob in jobs.shards.under()] == [f"{job}/00000/0000.tar"]


def test_a_failed_lesson_is_retried(storage: Storage, video: Path) -> None:
    control = JobControl(storage)
    job = control.teach(VIDEO, video, "wave")
    forget_announcements(storage)
    Jobs(storage).fail(job, None, "failed", "no worker could start")
    control.retry(job)
    assert waiting_lessons(storage) == [job]
    assert waiting_videos(storage) == []


def test_a_finished_job_is_not_retried(storage: Storage, video: Path) -> None:
    control = JobControl(storage)
    job = control.submit(VIDEO, video, "original/clip.mp4")
    forget_announcements(storage)
    finish(storage, job)
    control.retry(job)
    assert control.status(job).state == "finished"
    assert waiting_videos(storage) == []
    with pytest.raises(Missing, match="nope"):
        control.retry("nope")


def finish(storage: Storage, job: str) -> None:
    now = datetime.now(UTC)
    Jobs(storage).finish(
        Result(
            job=job,
            source="original/clip.mp4",
            output="original/clip.mp4",
            items=10,
            created=now,
            finished=now,
        )
    )


def test_cancelling_a_failed_job_deletes_its_intermediate_results(
    storage: Storage, video: Path
) -> None:
    control, jobs = JobControl(storage), Jobs(storage)
    job = control.submit(VIDEO, video, "original/clip.mp4")
    jobs.shards.write(f"{job}/00000/0000.tar", b"shard")
    jobs.fail(job, None, "failed", "the output can't be made")
    control.cancel(job)
    assert control.status(job).state == "cancelled"
    assert jobs.shards.under() == []


def test_an_output_is_downloaded(storage: Storage, video: Path, tmp_path: Path) -> None:
    control = JobControl(storage)
    job = control.submit(VIDEO, video, "original/clip.mp4")
    with pytest.raises(Missing, match="has no output: it is waiting"):
        control.download(job, tmp_path / "home")
    storage.container("output").write("original/clip.mp4", b"painted")
    finish(storage, job)
    path = control.download(job, tmp_path / "home")
    assert path == tmp_path / "home" / "clip.mp4"
    assert path.read_bytes() == b"painted"
    assert [found.name for found in path.parent.iterdir()] == ["clip.mp4"]
    with pytest.raises(Missing, match="no job called 'nope'"):
        control.download("nope", tmp_path)


def test_a_lesson_has_no_output(storage: Storage, video: Path, tmp_path: Path) -> None:
    control = JobControl(storage)
    job = control.teach(VIDEO, video, "wave")
    finish(storage, job)
    with pytest.raises(Missing, match="it made a model"):
        control.download(job, tmp_path)


def test_a_deleted_job_leaves_nothing_and_isnt_announced_again(
    storage: Storage, video: Path
) -> None:
    control, jobs = JobControl(storage), Jobs(storage)
    job, other = (control.submit(VIDEO, video, f"original/{n}.mp4") for n in ("a", "b"))
    with pytest.raises(Refused, match="hasn't ended"):
        control.delete(job)
    now = datetime.now(UTC)
    jobs.finish(
        Result(
            job=job,
            source="original/a.mp4",
            output="original/a.mp4",
            items=1,
            created=now,
            finished=now,
        )
    )
    for name in ("a", "b"):
        storage.container("output").write(f"original/{name}.mp4", b"painted")
    storage.container("logs").write(f"{job}/splitter-1.jsonl", b"{}\n")
    control.delete(job)
    for container, left in {"input": ["original/b.mp4"], "output": ["original/b.mp4"]}.items():
        assert [blob.name for blob in storage.container(container).under()] == left
    assert not storage.container("logs").under(f"{job}/")
    assert jobs.all() == [other]
    assert [status.job for status in Listing(storage).page(1, 10)] == [other]
    assert not Trigger(storage).announce_new()
    with pytest.raises(Missing):
        control.delete(job)


def test_an_input_that_was_replaced_stays_when_its_earlier_job_is_deleted(
    storage: Storage, video: Path
) -> None:
    control = JobControl(storage)
    job = control.submit(VIDEO, video, "original/a.mp4")
    Jobs(storage).fail(job, "original/a.mp4", "refused", "no video")
    storage.container("input").write("original/a.mp4", b"another video")
    control.delete(job)
    assert storage.container("input").read("original/a.mp4") == b"another video"


def test_a_round_isnt_deleted_as_the_clock_would_announce_it_again(storage: Storage) -> None:
    event = window_event(storage.container("readings"), "2026-11-20T14", 0)
    Arrivals(storage).announce_new(event)
    Jobs(storage).fail(event.job, "2026-11-20T14", "failed", "no reason")
    with pytest.raises(Refused, match="window of time"):
        JobControl(storage).delete(event.job)
    assert Jobs(storage).outcome(event.job)
