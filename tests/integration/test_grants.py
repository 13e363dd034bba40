"""Links for people without an account, used with plain HTTP as such people use them."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import generate_account_sas
from pydantic import SecretStr
from typer.testing import CliRunner

from services.console import __main__ as console
from shared.control import grants as granting
from shared.control.grants import Grant, Grants
from shared.errors import Misconfigured, Missing, Refused
from shared.jobs import Jobs
from shared.models import Model, Models
from shared.records import Result
from shared.settings import Settings
from shared.storage import Storage
from tests.integration.conftest import JOB
from workloads.video import VIDEO

BLOCK = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2025-11-05"}
CONTENT = b"a video"


class Answer:
    def __init__(self, answer: HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()


def ask(method: str, url: str, body: bytes = b"") -> Answer:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=30)
    headers = BLOCK if method == "PUT" else {"x-ms-version": BLOCK["x-ms-version"]}
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture
def storage(storage: Storage) -> Storage:
    Models(storage).publish(Model("great-wave", "pencil"))
    return storage


@pytest.fixture
def link(storage: Storage, settings: Settings) -> str:
    return Grants(settings).upload(VIDEO, "great-wave", "holiday.mp4", 24).link


def finished(storage: Storage) -> None:
    now = datetime.now(UTC)
    storage.container("output").write("great-wave/clip.mp4", CONTENT)
    result = Result(
        job=JOB,
        source="great-wave/clip.mp4",
        output="great-wave/clip.mp4",
        items=1,
        created=now,
        finished=now,
    )
    Jobs(storage).finish(result)


def test_it_uploads_a_video_into_the_folder(storage: Storage, link: str) -> None:
    assert ask("PUT", link, CONTENT).status == 201
    assert storage.container("input").read("great-wave/holiday.mp4") == CONTENT


def test_it_uploads_once_and_does_not_overwrite(storage: Storage, link: str) -> None:
    assert ask("PUT", link, CONTENT).status == 201
    assert ask("PUT", link, b"another").status == 403
    assert storage.container("input").read("great-wave/holiday.mp4") == CONTENT


def test_it_reads_lists_deletes_and_marks_nothing(storage: Storage, link: str) -> None:
    storage.container("input").write("great-wave/holiday.mp4", CONTENT)
    container = link.replace("/great-wave/holiday.mp4?", "?restype=container&comp=list&")
    refused = [
        ask("GET", link),
        ask("HEAD", link),
        ask("DELETE", link),
        ask("PUT", f"{link}&comp=metadata"),
        ask("GET", container),
    ]
    assert [answer.status for answer in refused] == [403] * len(refused)
    assert not any(CONTENT in answer.body for answer in refused)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "/input/great-wave/other.mp4?",
        "/input/great-wave/holiday.mp4/more?",
        "/input/auvers/holiday.mp4?",
        "/output/great-wave/holiday.mp4?",
        "/styles/great-wave/holiday.mp4?",
    ],
)
def test_it_writes_nowhere_else(storage: Storage, link: str, elsewhere: str) -> None:
    changed = link.replace("/input/great-wave/holiday.mp4?", elsewhere)
    assert changed != link
    assert ask("PUT", changed, CONTENT).status == 403
    for name in ("input", "output", "styles"):
        assert storage.container(name).under() == []


def test_it_expires(storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by a clock that is an hour behind, so that an hour's link is over now."""

    clock = Mock(now=lambda zone: datetime.now(zone) - timedelta(hours=1, seconds=5))
    with monkeypatch.context() as patch:
        patch.setattr(granting, "datetime", clock)
        link = Grants(settings).upload(VIDEO, "great-wave", "late.mp4", 1).link
    assert ask("PUT", link, CONTENT).status == 403
    assert storage.container("input").under() == []


def test_no_link_works_for_longer_than_seven_days(storage: Storage, settings: Settings) -> None:
    granted = Grants(settings).upload(VIDEO, "great-wave", None, granting.LONGEST_HOURS)
    fields = parse_qs(urlsplit(granted.link).query)
    begin, end = (datetime.fromisoformat(fields[name][0]) for name in ("st", "se"))
    assert end - begin == timedelta(days=7)
    assert end == granted.until
    assert fields["sp"] == ["c"]
    assert fields["sr"] == ["b"]


def test_a_file_without_a_name_gets_one_that_nobody_guesses(
    storage: Storage, settings: Settings
) -> None:
    one, other = (Grants(settings).upload(VIDEO, "great-wave", None, 1) for _ in range(2))
    assert one.blob != other.blob
    assert one.blob.startswith("input/great-wave/upload-")
    assert ask("PUT", one.link, CONTENT).status == 201


def test_a_download_link_reads_the_output_and_nothing_else(
    storage: Storage, settings: Settings
) -> None:
    finished(storage)
    storage.container("output").write("great-wave/other.mp4", b"another's")
    link = Grants(settings).download(JOB, 1).link
    assert ask("GET", link).body == CONTENT
    assert ask("GET", link.replace("clip.mp4", "other.mp4")).status == 403
    assert ask("PUT", link, b"changed").status == 403
    assert ask("DELETE", link).status == 403
    assert storage.container("output").read("great-wave/clip.mp4") == CONTENT


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_printed_curl_commands_work_as_they_are(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    def run(command: str) -> None:
        subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True)

    name = "it's a holiday.mp4"
    (tmp_path / name).write_bytes(CONTENT)
    run(Grants(settings).upload(VIDEO, "great-wave", name, 1).commands[0])
    assert storage.container("input").read(f"great-wave/{name}") == CONTENT
    finished(storage)
    run(Grants(settings).download(JOB, 1).commands[0])
    assert (tmp_path / "clip.mp4").read_bytes() == CONTENT


class TestErrors:
    def test_a_file_that_exists(self, storage: Storage, settings: Settings) -> None:
        storage.container("input").write("great-wave/a.mp4", CONTENT)
        with pytest.raises(Refused, match="exists, and a link can't overwrite it"):
            Grants(settings).upload(VIDEO, "great-wave", "a.mp4", 1)

    def test_a_folder_that_names_no_style(self, storage: Storage, settings: Settings) -> None:
        with pytest.raises(Refused, match="no model is called 'great-wive'"):
            Grants(settings).upload(VIDEO, "great-wive", None, 1)

    def test_a_folder_that_leads_elsewhere(self, storage: Storage, settings: Settings) -> None:
        with pytest.raises(Refused, match="folder in it"):
            Grants(settings).upload(VIDEO, "great-wave/../..", "a.mp4", 1)

    def test_a_job_without_output(self, storage: Storage, settings: Settings) -> None:
        with pytest.raises(Missing, match="no job called"):
            Grants(settings).download("nobody-0123456789ab", 1)
        Jobs(storage).fail(JOB, "a.mp4", "refused", "it is no video")
        with pytest.raises(Missing, match="has no output: it is refused: it is no video"):
            Grants(settings).download(JOB, 1)

    def test_an_account_without_its_key(self, storage: Storage, settings: Settings) -> None:
        assert settings.media_connection
        text = settings.media_connection.get_secret_value()
        parts = dict(part.split("=", 1) for part in text.split(";"))
        until = datetime.now(UTC) + timedelta(hours=1)
        signature = generate_account_sas(
            parts["AccountName"], parts["AccountKey"], "sco", "rwlc", until
        )
        connection = f"BlobEndpoint={parts['BlobEndpoint']};SharedAccessSignature={signature}"
        changed = settings.model_copy(update={"media_connection": SecretStr(connection)})
        with pytest.raises(Misconfigured, match="no account key to sign a link with"):
            Grants(changed).upload(VIDEO, "great-wave", None, 1)

    @pytest.mark.parametrize(
        "arguments",
        [
            "",
            "--upload",
            "--download job-1 --upload --folder great-wave",
            "--download job-1 --folder great-wave",
            "--download job-1 --file a.mp4",
            "--upload --folder great-wave --hours 169",
            "--upload --folder great-wave --hours 0",
        ],
    )
    def test_a_command_that_makes_no_sense(self, arguments: str) -> None:
        result = CliRunner().invoke(console.app, ["grant", *arguments.split()])
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_the_command_prints_the_link_with_its_uses(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("media", "work"):
        connection = getattr(settings, f"{name}_connection").get_secret_value()
        monkeypatch.setenv(f"IMPASTO_{name.upper()}_CONNECTION", connection)
    words = ["grant", "--upload", "--folder", "great-wave", "--file", "a.mp4", "--hours", "2"]
    text = CliRunner().invoke(console.app, words).output
    assert "creates input/great-wave/a.mp4 and nothing else" in text
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["curl", "azcopy", "az"]
    [line] = CliRunner().invoke(console.app, [*words, "--json"]).output.splitlines()
    granted = Grant.model_validate(json.loads(line))
    assert ask("PUT", granted.link, CONTENT).status == 201
