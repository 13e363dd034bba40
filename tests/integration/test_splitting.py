"""A bad video fails or refuses its own job and affects no other."""

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from services.splitter import service as service_module
from services.splitter.service import Splitter
from shared.blobs import Blob, Container
from shared.errors import ChildDied, ChildKilled, Reject, Unprepared
from shared.jobs import Jobs
from shared.messages import BlobCreated, SegmentPlanned
from shared.models import Model, Models
from shared.names import segment_record
from shared.records import Failure
from shared.runtime.work import Work
from shared.settings import Settings
from shared.shards import unpack
from shared.storage import Storage
from tests.support.media import make_clip
from tests.support.parts import video_splitter
from tests.support.processes import signalling
from tests.support.waiting import eventually


def arrival(storage: Storage, data: bytes, name: str, container: str = "input") -> BlobCreated:
    Models(storage).publish(Model("original", "original", b""))
    etag = storage.container("input").write(name, data)
    return BlobCreated.of(
        event_id="e-1",
        url="",
        container=container,
        blob=name,
        etag=etag,
        size=len(data),
        at=datetime.now(UTC),
    )


def splitter(storage: Storage, settings: Settings, **changes: object) -> Splitter:
    return video_splitter(storage, settings, **changes)


def failure(storage: Storage, event: BlobCreated) -> Failure:
    outcome = Jobs(storage).outcome(event.job)
    assert isinstance(outcome, Failure)
    return outcome


def test_a_decoder_that_uses_too_much_memory_fails_its_job_only(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    data = make_clip(tmp_path / "clip.mp4", seconds=0.4).read_bytes()
    event = arrival(storage, data, "original/clip.mp4")
    starved = splitter(storage, settings, decoder_mib=256)
    with pytest.raises(ChildDied):  # the first time it is retried: it may not be the video's fault
        starved.open_job(event, Work(1))
    starved.open_job(event, Work(2))
    starved.close()
    found = failure(storage, event)
    assert found.state == "failed"
    assert found.reason.startswith("the video can't be decoded: ")
    other = arrival(storage, data, "original/other.mp4")
    fed = splitter(storage, settings)
    fed.open_job(other, Work(1))
    fed.close()
    assert Jobs(storage).job(other.job).items == 10


def test_the_shards_of_the_finer_way_are_small(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    Models(storage).publish(Model("auvers", "painter", b"", mixes=True))
    data = make_clip(tmp_path / "clip.mp4", seconds=0.4).read_bytes()
    splitting = splitter(storage, settings)
    for style, shards in {"auvers": [10], "auvers!fine": [4, 4, 2]}.items():
        event = arrival(storage, data, f"{style}/clip.mp4")
        splitting.open_job(event, Work(1))
        splitting.split(SegmentPlanned(trace="t", job=event.job, segment=0), Work(1))
        found = Jobs(storage).shards.under(f"{event.job}/")
        read = Jobs(storage).shards.read
        assert [len(unpack(read(blob.name))) for blob in found] == shards
    splitting.close()


def test_a_decoder_that_is_killed_doesnt_fail_its_job(
    storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any attempt: it was killed from outside."""
    data = make_clip(tmp_path / "clip.mp4", seconds=0.4).read_bytes()
    event = arrival(storage, data, "original/clip.mp4")
    unlucky = splitter(storage, settings, decoder_seconds=240)
    with monkeypatch.context() as during:
        during.setattr(Container, "open", signalling(signal.SIGKILL))
        with pytest.raises(ChildKilled):
            unlucky.open_job(event, Work(2))
    assert Jobs(storage).outcome(event.job) is None
    unlucky.open_job(event, Work(3))
    unlucky.close()
    assert Jobs(storage).job(event.job).items == 10


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("original/empty.mp4", b"", "the file is empty"),
        ("original/text.mp4", b"hello", "the file isn't a video that can be read"),
        ("monet/clip.mp4", b"x", "no model is called 'monet'; there are original"),
        ("original/a\x01b.mp4", b"x", "the name 'original/a\\x01b.mp4' has a control character"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    storage: Storage, settings: Settings, name: str, data: bytes, reason: str
) -> None:
    event = arrival(storage, data, name.replace("\x01", ""))
    event = event.model_copy(
        update={"subject": f"/blobServices/default/containers/input/blobs/{name}"}
    )
    service = splitter(storage, settings)
    service.open_job(event, Work(1))
    service.close()
    found = failure(storage, event)
    assert found.state == "refused"
    assert found.reason.startswith(reason)


def test_shards_that_were_swept_are_made_again(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    """As if storage had lost the outcome of a job but not the deletion of its shards."""
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    event = arrival(storage, clip.read_bytes(), "original/clip.mp4")
    service, jobs = splitter(storage, settings), Jobs(storage)
    service.open_job(event, Work(1))
    again = SegmentPlanned(trace="t", job=event.job, segment=0)
    service.split(again, Work(1))
    shards = [(blob.name, blob.size) for blob in jobs.shards.under()]
    jobs.sweep(event.job)
    service.split(again, Work(1))
    assert [(blob.name, blob.size) for blob in jobs.shards.under()] == shards
    service.close()


def test_a_file_over_the_limit_is_refused_without_reading_it(
    storage: Storage, settings: Settings
) -> None:
    event = arrival(storage, bytes(1024 * 1024 + 1), "original/big.mp4")
    service = splitter(storage, settings, largest_mib=1)
    service.open_job(event, Work(1))
    service.close()
    assert failure(storage, event).reason == "the file is larger than 1 MiB"


def test_an_event_of_another_container_is_rejected(storage: Storage, settings: Settings) -> None:
    event = arrival(storage, b"x", "original/a.mp4", container="output")
    service = splitter(storage, settings)
    with pytest.raises(Reject, match="'output' isn't the container"):
        service.open_job(event, Work(1))
    service.close()


def test_a_cancelled_job_is_split_no_further(
    storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two shards of a segment; what was written is deleted."""
    data = make_clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
    event = arrival(storage, data, "original/clip.mp4")
    service, jobs = splitter(storage, settings), Jobs(storage)
    service.open_job(event, Work(1))
    written: list[str] = []
    write = Container.write

    def cancelled_then_written(self: Container, name: str, *rest: Any) -> str:
        written.append(name)
        jobs.fail(event.job, "original/clip.mp4", "cancelled", "by its owner")
        return write(self, name, *rest)

    monkeypatch.setattr(service_module, "CHECK_SECONDS", 0)
    monkeypatch.setattr(Container, "write", cancelled_then_written)
    # The first segment of a video is one shard.
    service.split(SegmentPlanned(trace="t", job=event.job, segment=1), Work(1))
    service.close()
    assert len(written) == 1
    assert jobs.shards.under() == []
    assert jobs.segment(event.job, 1) is None
    assert storage.queue("shards").count() == 0
    assert failure(storage, event).state == "cancelled"


def test_a_job_that_is_cancelled_while_it_is_planned_isnt_begun(
    storage: Storage, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_clip(tmp_path / "clip.mp4", seconds=1).read_bytes()
    event = arrival(storage, data, "original/clip.mp4")
    service, jobs = splitter(storage, settings), Jobs(storage)
    require = Models.require

    def required_then_cancelled(self: Models, name: str) -> Blob:
        jobs.fail(event.job, "original/clip.mp4", "cancelled", "by its owner")
        return require(self, name)

    monkeypatch.setattr(service_module, "CHECK_SECONDS", 0)
    monkeypatch.setattr(Models, "require", required_then_cancelled)
    service.open_job(event, Work(1))
    service.close()
    assert jobs.find(event.job) is None
    assert storage.queue("segments").count() == 0
    assert failure(storage, event).state == "cancelled"


def test_a_missing_container_is_not_taken_for_a_missing_source(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    """The container `shards` is missing: the job isn't refused, but retried."""
    data = make_clip(tmp_path / "clip.mp4", seconds=0.4).read_bytes()
    event = arrival(storage, data, "original/clip.mp4")
    service, jobs = splitter(storage, settings), Jobs(storage)
    service.open_job(event, Work(1))
    planned = SegmentPlanned(trace="t", job=event.job, segment=0)
    jobs.shards._client.delete_container()
    with pytest.raises(Unprepared):
        service.split(planned, Work(1))
    assert jobs.outcome(event.job) is None
    eventually(lambda: made_again(jobs.shards), "the container can be made again")
    service.split(planned, Work(2))
    assert len(jobs.shards.under()) == 1
    storage.container("input").write("original/clip.mp4", b"something newer")
    jobs.records.delete(segment_record(event.job, 0))
    service.split(planned, Work(1))
    service.close()
    assert failure(storage, event).state == "refused"
    assert "replaced or removed" in failure(storage, event).reason
    assert jobs.shards.under() == []


def made_again(container: Container) -> bool:
    """Azure takes a while to delete a container."""
    try:
        container.ensure()
    except HttpResponseError:
        return False
    return True
