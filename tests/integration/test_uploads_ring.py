"""Azurite's log of requests tells the trigger of uploads: of whole blobs, however they come."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobBlock, ContainerClient

from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.child_processes import Lifeline
from services.console.request_log import ANNOUNCE_SECONDS, RequestLog
from shared.bells import Bell, Ring, uploads_ring
from shared.prepare import prepare
from shared.runtime.stop import Stop
from shared.storage import Storage
from tests.support.waiting import eventually

UPLOAD = Ring("input", ANNOUNCE_SECONDS)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Accounts]:
    made = accounts.make(tmp_path)
    lifeline = Lifeline()
    process = azurite.start(made, tmp_path / "azurite", tmp_path / "azurite.log", lifeline.end)
    yield made
    process.terminate()
    process.wait()
    lifeline.cut()
    assert "HTTP/1.1" not in (tmp_path / "azurite.log").read_text()


def test_whole_uploads_and_copies_ring_and_nothing_else_does(stack: Accounts) -> None:
    assert stack.bells
    storage = Storage(stack.settings().model_copy(update={"bells": None}))
    prepare(storage)
    assert uploads_ring(stack.bells)
    bell = Bell(stack.bells)
    heard: list[Ring] = []

    def rang(times: int) -> bool:
        heard.extend(bell.heard())
        return len(heard) >= times

    media = ContainerClient.from_connection_string(stack.media_connection, "input")
    blob = media.get_blob_client("great-wave/blocks.mp4")
    blob.stage_block("AAAA", b"first")
    media.get_blob_client("whole.mp4").upload_blob(b"all at once")
    eventually(lambda: rang(1), "the upload to ring")
    blob.commit_block_list([BlobBlock("AAAA")])
    eventually(lambda: rang(2), "the blocks to ring")
    media.get_blob_client("copy.mp4").start_copy_from_url(blob.url)
    eventually(lambda: rang(3), "the copy to ring")
    blob.download_blob().readall()
    list(media.list_blobs())
    blob.delete_blob()
    storage.container("shards").write("a/b", b"in the work account")
    storage.queue("segments").send_text("a message")
    media.get_blob_client("empty.mp4").upload_blob(b"")
    eventually(lambda: rang(4), "the empty upload to ring")
    assert heard == [UPLOAD] * 4
    bell.close()


def test_other_lines_are_printed_and_its_end_is_told(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    failed = (
        b'127.0.0.1 - - [22/Nov/2026:06:00:00 +0000] "PUT /impastomedia/input/a HTTP/1.1" 412 -\n'
    )
    stop = Stop()
    bell = Bell(tmp_path)
    RequestLog(tmp_path, silent=True).read(io.BytesIO(failed + b"Azurite is up\n"), stop)
    assert stop.requested
    RequestLog(None, silent=False).read(io.BytesIO(failed), stop)
    assert bell.heard() == []
    bell.close()
    assert capfdbinary.readouterr().out == b"Azurite is up\n" + failed
