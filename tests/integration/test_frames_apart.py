"""A failure in the middle of one video leaves nothing behind that another video could get."""

import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import simplejpeg
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from services.splitter.service import build
from services.splitter.settings import SplitterSettings
from shared.jobs import Jobs
from shared.messages import BlobCreated
from shared.models import Model, Models
from shared.names import segment_folder
from shared.records import Job
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.shards import unpack
from shared.storage import Storage
from tests.support.media import make_clip
from tests.support.processes import sandboxes
from tests.support.waiting import eventually


class Forbidden(HttpResponseError):
    """Storage's answer where a role is missing."""

    def __init__(self) -> None:
        super().__init__("This request is not authorized to perform this operation.")
        self.status_code = 403


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is left in a reference cycle stays: the collector may run at any time, or not."""
    gc.disable()
    yield
    gc.enable()


def drop(storage: Storage, clip: Path) -> BlobCreated:
    name = f"original/{clip.name}"
    data = clip.read_bytes()
    event = BlobCreated.of(
        event_id=clip.stem,
        url="",
        container="input",
        blob=name,
        etag=storage.container("input").write(name, data),
        size=len(data),
        at=datetime.now(UTC),
    )
    storage.queue("arrivals").send(event)
    return event


def frame_sizes(storage: Storage, job: Job) -> list[tuple[int, int]]:
    """Height and width of each frame in the job's shards."""
    frames = storage.container("shards")
    return [
        simplejpeg.decode_jpeg_header(item.data)[:2]
        for number in range(len(job.segments))
        for shard in frames.under(segment_folder(job.job, number))
        for item in unpack(frames.read(shard.name))
    ]


@pytest.mark.parametrize("fault", ["a write is refused", "the child is killed"])
def test_no_frame_of_one_video_gets_into_another(
    fault: str,
    storage: Storage,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_collector: None,
) -> None:
    """With the real worker, splitter, retries and child: one write of the first video fails."""
    Models(storage).publish(Model("original", "original", b""))
    broken: list[str] = []
    upload = ContainerClient.get_blob_client

    def fail_once(self: ContainerClient, blob: str, *args: object, **more: object) -> object:
        if self.container_name == "shards" and blob.endswith(".tar") and not broken:
            broken.append(blob)
            if fault == "a write is refused":
                raise Forbidden
            for child in sandboxes():
                child.kill()
        return upload(self, blob, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ContainerClient, "get_blob_client", fail_once)
    first = drop(storage, make_clip(tmp_path / "a.mp4", seconds=4, size="320x180"))
    second = drop(storage, make_clip(tmp_path / "b.mp4", seconds=4, size="160x90"))
    own = SplitterSettings.model_validate(settings.model_dump() | {"retry_seconds": 0.1})
    stop, jobs = Stop(), Jobs(storage)
    thread = threading.Thread(target=build(storage, own, stop).run)
    thread.start()
    try:
        for event in (first, second):
            eventually(
                lambda job=event.job: (
                    (found := jobs.find(job))  # type: ignore[misc]
                    and all(jobs.segment(job, n) for n in range(len(found.segments)))
                ),
                f"{event.blob} is split",
            )
    finally:
        stop.request()
        thread.join()
    assert [blob.split("/")[0] for blob in broken] in ([first.job], [second.job])
    assert frame_sizes(storage, jobs.job(first.job)) == [(180, 320)] * 100
    assert frame_sizes(storage, jobs.job(second.job)) == [(90, 160)] * 100
    assert storage.poison("segments").count() == storage.poison("arrivals").count() == 0
    assert sandboxes() == []
