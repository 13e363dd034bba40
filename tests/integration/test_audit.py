"""What people do is written down before it is done, and without what is secret in it."""

import base64
import getpass
import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from typer.testing import CliRunner

from services.console.__main__ import app
from shared.control.poison import PoisonQueues
from shared.errors import StorageError
from shared.models import Model, Models
from shared.prepare import prepare
from shared.records import Failure
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry import audit
from shared.telemetry.audit import Audit, Deed
from shared.telemetry.retention import Retention
from tests.integration.conftest import JOB
from tests.support.waiting import eventually


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of a person who uses this stack."""
    assert settings.media_connection
    assert settings.work_connection
    media, work = settings.media_connection, settings.work_connection
    monkeypatch.setenv("IMPASTO_MEDIA_CONNECTION", media.get_secret_value())
    monkeypatch.setenv("IMPASTO_WORK_CONNECTION", work.get_secret_value())
    monkeypatch.chdir(tmp_path)


def impasto(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def deeds(storage: Storage, settings: Settings) -> list[Deed]:
    return Audit(storage, settings).deeds()


@pytest.mark.usefixtures("environment")
def test_each_deed_is_listed_with_who_and_from_where(storage: Storage, settings: Settings) -> None:
    Models(storage).publish(Model("pencil", "pencil"))
    for number in (1, 2):
        storage.poison("segments").send_text(f"nonsense {number}")
    eventually(lambda: len(PoisonQueues(storage).entries()) == 2, "poison")
    entries = eventually(lambda: PoisonQueues(storage).entries(), "poison")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    failure = Failure(job=JOB, source="a", state="failed", reason="r", at=at)
    storage.container("jobs").write(f"{JOB}/outcome.json", failure.model_dump_json().encode())
    impasto("cancel", JOB)
    impasto("poison", "purge", entries[0].id)
    impasto("poison", "requeue", "--all")
    link = json.loads(impasto("grant", "--upload", "--folder", "pencil", "--json"))["link"]
    done = deeds(storage, settings)
    assert [(deed.deed, deed.subject) for deed in done[:3]] == [
        ("cancel", JOB),
        ("purge", entries[0].id),
        ("requeue", entries[1].id),
    ]
    assert done[3].deed == "grant upload"
    assert done[3].subject.startswith("input/pencil/")
    assert {deed.who for deed in done} == {getpass.getuser()}
    assert {deed.where for deed in done} == {f"{getpass.getuser()}@{socket.gethostname()}"}
    assert len(done) == 4
    kept = b"".join(
        storage.container("logs").read(blob.name)
        for blob in storage.container("logs").under(audit.FOLDER)
    )
    assert "sig=" in link
    assert b"sig=" not in kept
    assert impasto("audit").count(getpass.getuser()) >= 4
    assert len(impasto("audit", "--json").splitlines()) == 4


@pytest.mark.usefixtures("environment")
def test_what_cant_be_written_down_isnt_done(settings: Settings) -> None:
    storage = Storage(settings)
    prepare(storage)
    storage.poison("segments").send_text("nonsense")
    eventually(storage.poison("segments").count, "poison")
    full = storage.container("logs")
    Audit(storage, settings).note("test", "x")
    [blob] = full.under(audit.FOLDER)
    full.write(blob.name, b"")  # a block blob takes no appends
    done = CliRunner().invoke(app, ["poison", "purge", "--all"])
    assert done.exit_code != 0
    assert isinstance(done.exception, AzureError | StorageError)
    assert storage.poison("segments").count() == 1


def test_a_login_is_named_by_its_token(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = base64.urlsafe_b64encode(json.dumps({"upn": "ann@example.org"}).encode()).decode()

    class Login:
        def get_token(self, *_scopes: str) -> AccessToken:
            return AccessToken(f"eyJh.{payload.rstrip('=')}.c2ln", 0)

    monkeypatch.setattr(audit, "identity", Login)
    by_login = settings.model_copy(update={"work_connection": None})
    Audit(storage, by_login).note("cancel", JOB)
    [deed] = deeds(storage, settings)
    assert deed.who == "ann@example.org"
    assert deed.where.endswith(socket.gethostname())


def test_no_deed_is_deleted_with_old_logs(storage: Storage, settings: Settings) -> None:
    Audit(storage, settings).note("cancel", JOB)
    logs = storage.container("logs")
    logs.append(f"{JOB}/probe-1.jsonl", b"{}\n", 1000)
    logs.write("a-worker-is-at-work", b"")
    Retention(storage, days=7).enforce()
    assert len(logs.under()) == 3
    Retention(storage, days=0).enforce()
    assert {blob.name.partition("/")[0] for blob in logs.under()} == {
        "audit",
        "a-worker-is-at-work",
    }
