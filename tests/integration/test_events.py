"""Azure's events: both schemas, hierarchical namespaces, and metadata that is set later."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from services.splitter.service import Splitter
from services.trigger.service import Trigger
from shared.jobs import Jobs
from shared.messages import BlobCreated, SegmentPlanned, decode
from shared.models import Model, Models
from shared.records import Failure
from shared.runtime.work import Work
from shared.settings import Settings
from shared.storage import API_VERSION, Storage
from tests.support.announced import announced_videos
from tests.support.media import make_clip
from tests.support.parts import video_splitter

NAME = "clip.mp4"


@pytest.fixture
def container(storage: Storage, settings: Settings) -> Iterator[ContainerClient]:
    """As people have it, who set metadata whenever they like."""
    for model in ("great-wave", "pencil"):
        Models(storage).publish(Model(model, "original", b""))
    assert settings.media_connection
    connection = settings.media_connection.get_secret_value()
    with BlobServiceClient.from_connection_string(connection, api_version=API_VERSION) as service:
        yield service.get_container_client("input")


@pytest.fixture
def splitter(storage: Storage, settings: Settings) -> Iterator[Splitter]:
    splitter = video_splitter(storage, settings)
    yield splitter
    splitter.close()


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    return make_clip(tmp_path / "clip.mp4", seconds=0.2, size="64x48", tracks=()).read_bytes()


def sent(
    container: ContainerClient,
    name: str = NAME,
    *,
    api: str = "PutBlob",
    kind: str = "BlobCreated",
    cloud: bool = False,
    size: int | None = None,
) -> BlobCreated:
    """Of a blob as it is now."""
    data: dict[str, object] = {"api": api, "url": "https://a.blob.core.windows.net/x"}
    if kind == "BlobCreated":
        found = container.get_blob_client(name).get_blob_properties()
        length = found.size if size is None else size
        data |= {"eTag": found.etag.strip('"'), "contentLength": length}
    subject = f"/blobServices/default/containers/input/blobs/{name}"
    event: dict[str, object] = {"id": "e-1", "subject": subject, "data": data}
    told = (f"Microsoft.Storage.{kind}", "2026-01-02T03:04:05.1234567Z", "/subscriptions/s")
    names = ("type", "time", "source") if cloud else ("eventType", "eventTime", "topic")
    event |= dict(zip(names, told, strict=True)) | ({"specversion": "1.0"} if cloud else {})
    return decode(base64.b64encode(json.dumps(event).encode()).decode(), BlobCreated)


def announced(storage: Storage, splitter: Splitter, event: BlobCreated) -> list[BlobCreated]:
    splitter.put_in_lane(event, Work(1))
    return announced_videos(storage)


@pytest.mark.parametrize("cloud", [False, True], ids=["Event Grid", "CloudEvents"])
@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"])
def test_events_of_all_apis_in_both_schemas(
    storage: Storage, splitter: Splitter, container: ContainerClient, api: str, cloud: bool
) -> None:
    container.upload_blob(NAME, b"x")
    event = sent(container, api=api, cloud=cloud)
    [found] = announced(storage, splitter, event)
    assert found.job == event.job


def test_a_file_that_was_only_created_is_no_arrival(
    storage: Storage, splitter: Splitter, container: ContainerClient
) -> None:
    container.upload_blob(NAME, b"")
    assert announced(storage, splitter, sent(container, api="CreateFile", size=0)) == []
    assert storage.container("jobs").under() == []


def test_a_renamed_blob_is_an_arrival(
    storage: Storage, splitter: Splitter, container: ContainerClient
) -> None:
    container.upload_blob("great-wave/a.mp4", b"x")
    container.upload_blob("great-wave/b/c.mp4", b"x")
    container.upload_blob("great-wave/b", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("great-waves/d.mp4", b"x")
    file = sent(container, "great-wave/a.mp4", api="RenameFile", kind="BlobRenamed")
    assert [event.blob for event in announced(storage, splitter, file)] == ["great-wave/a.mp4"]
    folder = sent(container, "great-wave", api="RenameDirectory", kind="DirectoryRenamed")
    found = {event.blob for event in announced(storage, splitter, folder)}
    assert found - {"great-wave/a.mp4"} == {"great-wave/b/c.mp4"}


def test_a_folder_is_no_video(
    storage: Storage, splitter: Splitter, container: ContainerClient
) -> None:
    container.upload_blob("great-wave", b"", metadata={"hdi_isfolder": "true"})
    assert announced(storage, splitter, sent(container, "great-wave")) == []
    assert not Trigger(storage).announce_new()


def test_a_blob_whose_metadata_was_set_after_the_event_is_opened(
    storage: Storage, splitter: Splitter, container: ContainerClient, clip: bytes
) -> None:
    """Even if storage has no checksum, as for blobs of several blocks."""
    container.upload_blob(NAME, clip)
    event = sent(container)
    container.get_blob_client(NAME).set_blob_metadata({"style": "pencil"})
    [found] = announced(storage, splitter, event)
    assert found.job != event.job  # its id follows from the present ETag
    splitter.open_job(found, Work(1))
    assert Jobs(storage).job(found.job).model == "pencil"
    assert Jobs(storage).outcome(event.job) is None
    [again] = announced(storage, splitter, event)
    assert again.job == found.job


def test_metadata_may_change_at_any_time(
    storage: Storage, splitter: Splitter, container: ContainerClient, clip: bytes
) -> None:
    blob = container.upload_blob(NAME, clip)
    trigger = Trigger(storage)
    assert trigger.announce_new()
    [event] = announced_videos(storage)
    blob.set_blob_metadata({"style": "pencil"})
    splitter.open_job(event, Work(1))
    assert Jobs(storage).job(event.job).model == "pencil"
    blob.set_blob_metadata({"style": "pencil", "seen": "yes"})
    splitter.split(SegmentPlanned(trace="t", job=event.job, segment=0), Work(1))
    assert Jobs(storage).outcome(event.job) is None
    assert Jobs(storage).segment(event.job, 0)
    trigger._next_listing = 0
    assert not trigger.announce_new()  # it is no new video


def test_other_content_is_another_job(
    storage: Storage, splitter: Splitter, container: ContainerClient, clip: bytes
) -> None:
    container.upload_blob(NAME, clip)
    trigger = Trigger(storage)
    trigger.announce_new()
    [event] = announced_videos(storage)
    splitter.open_job(event, Work(1))
    container.upload_blob(NAME, clip[:-1] + b"x", overwrite=True)
    splitter.split(SegmentPlanned(trace="t", job=event.job, segment=0), Work(1))
    outcome = Jobs(storage).outcome(event.job)
    assert isinstance(outcome, Failure)
    assert outcome.state == "refused"
    trigger._next_listing = 0
    assert trigger.announce_new()
