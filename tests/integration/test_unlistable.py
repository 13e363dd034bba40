"""A name that can't be listed hides no other."""

from collections import Counter

import pytest
from structlog.testing import capture_logs

from services.trigger.service import Trigger
from shared.blobs import Container
from shared.control.job_control import JobControl
from shared.listing import list_all
from shared.storage import Storage
from tests.support.announced import announced_videos

GOOD = [
    "a",
    "original/aaa.mp4",
    "original/bad.mp4",
    "original/ok1.mp4",
    "original/ok2.mp4",
    "original/ünï 影.mp4",
    "pencil/a b.mp4",
    "z/b/c.mp4",
    "z/b~.mp4",
    "ü.mp4",
]
BAD = {"original/bad\x01.mp4": "original/bad", "z/b\x02/c\x03.mp4": "z/b", "z/c\x1b[2J": "z/c"}


@pytest.fixture
def container(storage: Storage) -> Container:
    found = storage.container("input")
    for name in (*GOOD, *BAD):
        found.write(name, b"x")
    return found


def test_other_names_are_listed(container: Container) -> None:
    found = list_all(container)
    assert Counter(blob.name for blob in found.blobs) == Counter(GOOD)
    assert sorted(found.unlistable) == sorted(BAD.values())


def test_the_trigger_announces_the_others_and_logs_unlistable_names(
    storage: Storage, container: Container
) -> None:
    trigger = Trigger(storage)
    with capture_logs() as logs:
        assert trigger.announce_new()
        trigger._next_listing = 0
        assert not trigger.announce_new()
    logged = [line["name_begins"] for line in logs if line["log_level"] == "error"]
    assert sorted(logged) == sorted(map(ascii, BAD.values()))  # each once
    assert sorted(event.blob for event in announced_videos(storage)) == GOOD
    for name in BAD:
        container.delete(name)
    assert [blob.name for blob in container.under()] == GOOD


def test_a_replay_announces_the_others(storage: Storage, container: Container) -> None:
    assert JobControl(storage).replay() == len(GOOD)
