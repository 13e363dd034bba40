"""Requests that fail once, in each way that a network has, are retried."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from benchmarks.soak.counts import Counts
from benchmarks.soak.http_bytes import HttpMessage
from benchmarks.soak.proxy import BY_CHANCE, Fault, Proxy
from shared.messages import SegmentPlanned, decode
from shared.prepare import prepare
from shared.storage import Storage
from tests.integration.conftest import PLANNED
from tests.support.azurite import Azurite
from tests.support.waiting import eventually

DATA = os.urandom(100_000)


class BadStorage:
    """Storage whose next request fails in the given way."""

    def __init__(self, storage: Storage, due: list[Fault], counts: Counts) -> None:
        self.storage = storage
        self.due = due
        self._tally = counts

    @property
    def met(self) -> dict[str, int]:
        return self._tally.counts()


@pytest.fixture
def bad(azurite: Azurite) -> Iterator[BadStorage]:
    due: list[Fault] = []
    counts = Counts()

    def forecast(_request: HttpMessage) -> Fault | None:
        return due.pop() if due else None

    settings = azurite.settings()
    assert settings.work_connection
    connection = settings.work_connection.get_secret_value()
    parts = dict(part.split("=", 1) for part in connection.split(";"))
    with ExitStack() as proxies:
        for end in ("BlobEndpoint", "QueueEndpoint"):
            port = urlsplit(parts[end]).port
            assert port
            proxy = proxies.enter_context(Proxy(port, forecast, counts))
            connection = connection.replace(f":{port}/", f":{proxy.port}/")
        through = settings.model_copy(update={"work_connection": SecretStr(connection)})
        storage = Storage(through)
        prepare(storage)
        yield BadStorage(storage, due, counts)


def read(storage: Storage, path: Path) -> object:
    return storage.container("shards").read("blob") == DATA


def read_range(storage: Storage, path: Path) -> object:
    blobs = storage.container("shards")
    found = blobs.find("blob")
    assert found
    return blobs.read_range("blob", 10, 1000, found.etag) == DATA[10:1010]


def download(storage: Storage, path: Path) -> object:
    storage.container("shards").download("blob", path / "file")
    return (path / "file").read_bytes() == DATA


def listed(storage: Storage, path: Path) -> object:
    return [blob.name for blob in storage.container("shards").under()] == ["blob"]


def written(storage: Storage, path: Path) -> object:
    storage.container("shards").write("new", DATA)
    return storage.container("shards").read("new") == DATA


def deleted(storage: Storage, path: Path) -> object:
    storage.container("shards").delete("blob")
    return storage.container("shards").find("blob") is None


def claimed(storage: Storage, path: Path) -> object:
    """By the retry of a request that had no answer."""
    with storage.container("shards").claim("blob"):
        return True


def sent(storage: Storage, path: Path) -> object:
    storage.queue("shards").send(PLANNED)
    delivery = storage.queue("shards").receive(30)
    return delivery and decode(delivery.text, SegmentPlanned) == PLANNED


def counted(storage: Storage, path: Path) -> object:
    return storage.queue("segments").count() == 1


OPERATIONS: list[Callable[[Storage, Path], object]] = [
    read,
    read_range,
    download,
    listed,
    written,
    deleted,
    claimed,
    sent,
    counted,
]


@pytest.mark.parametrize("fault", BY_CHANCE)
def test_one_fault_is_retried(bad: BadStorage, tmp_path: Path, fault: Fault) -> None:
    bad.storage.queue("segments").send(PLANNED)
    before = bad.met.get(fault, 0)
    for operation in OPERATIONS:
        bad.storage.container("shards").write("blob", DATA)
        bad.due.append(fault)
        assert operation(bad.storage, tmp_path), operation.__name__
        assert not bad.due
    # Some responses have no body to cut.
    least = 1 if fault == Fault.HALF else len(OPERATIONS)
    eventually(lambda: bad.met.get(fault, 0) >= before + least, "the faults to be counted")
