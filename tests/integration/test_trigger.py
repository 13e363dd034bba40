"""The trigger announces each complete blob as one job."""

import base64

import pytest
from azure.storage.blob import BlobBlock, BlobServiceClient

from services.trigger.service import LONGEST_PAUSE, Trigger, pause_after
from shared.settings import Settings
from shared.storage import API_VERSION, Storage
from tests.support.announced import announced_videos
from tests.support.waiting import eventually


def announced(storage: Storage) -> list[str]:
    return sorted(event.blob for event in announced_videos(storage))


def test_each_blob_is_announced_once(storage: Storage) -> None:
    trigger = Trigger(storage)
    for name in ("great-wave/a.mp4", "auvers/b.mp4"):
        storage.container("input").write(name, b"x")
    assert trigger.announce_new()
    storage.container("input").write("c.mp4", b"x")
    eventually(trigger.announce_new, "the third")
    assert announced(storage) == ["auvers/b.mp4", "c.mp4", "great-wave/a.mp4"]


def test_a_restarted_trigger_announces_new_blobs_only(storage: Storage) -> None:
    storage.container("input").write("a.mp4", b"x")
    Trigger(storage).announce_new()
    storage.container("input").write("b.mp4", b"x")
    Trigger(storage).announce_new()
    Trigger(storage).announce_new()
    assert announced(storage) == ["a.mp4", "b.mp4"]


def test_new_content_is_a_new_job(storage: Storage) -> None:
    trigger = Trigger(storage)
    storage.container("input").write("a.mp4", b"one")
    trigger.announce_new()
    storage.container("input").write("a.mp4", b"two")
    eventually(trigger.announce_new, "the new content")
    events = announced_videos(storage)
    assert len({event.job for event in events}) == len(events) == 2


def test_a_trigger_killed_between_sending_and_recording_announces_the_same_job(
    storage: Storage,
) -> None:
    storage.container("input").write("a.mp4", b"x")
    Trigger(storage).announce_new()
    [record] = [b for b in storage.container("jobs").under() if b.name.endswith("arrival.json")]
    storage.container("jobs").delete(record.name)  # as if it had been killed before this
    Trigger(storage).announce_new()
    assert len({event.job for event in announced_videos(storage)}) == 1


def test_an_incomplete_blob_isnt_announced(storage: Storage, settings: Settings) -> None:
    assert settings.media_connection
    service = BlobServiceClient.from_connection_string(
        settings.media_connection.get_secret_value(), api_version=API_VERSION
    )
    blob = service.get_blob_client("input", "great-wave/slow.mp4")
    block = base64.b64encode(b"0001").decode()
    blob.stage_block(block, b"half of it")
    trigger = Trigger(storage)
    assert not trigger.announce_new()
    blob.commit_block_list([BlobBlock(block)])
    eventually(trigger.announce_new, "the whole blob")
    assert announced(storage) == ["great-wave/slow.mp4"]
    service.close()


def test_the_pause_after_a_long_listing_is_bounded() -> None:
    assert pause_after(0.01) == pytest.approx(0.2)
    assert pause_after(120) == LONGEST_PAUSE
