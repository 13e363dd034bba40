"""Behind Azure's login: what viewers, uploaders and operators may do on the page."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest

from services.web.desk import Desk
from services.web.settings import WebSettings
from shared import names
from shared.errors import Misconfigured
from shared.jobs import Jobs
from shared.prepare import prepare
from shared.storage import Storage
from shared.telemetry.audit import Audit
from tests.support.azurite import Azurite
from tests.support.served_page import behind_azures_login, login, served
from tests.support.waiting import eventually

JOB = "clip-0123456789ab"


@pytest.fixture
def settings(azurite: Azurite) -> WebSettings:
    return behind_azures_login(azurite)


@pytest.fixture
def storage(settings: WebSettings) -> Storage:
    storage = Storage(settings)
    prepare(storage)
    Jobs(storage).fail(JOB, "original/clip.mp4", "failed", "why")
    return storage


@pytest.fixture
def client(storage: Storage, settings: WebSettings) -> Iterator[httpx.Client]:
    with served(Desk(storage, settings)) as client:
        yield client


def form_token(client: httpx.Client, headers: dict[str, str]) -> str:
    page = client.get("/poison", headers=headers | {"Accept": "text/html"}).text
    return page.partition('name="form-token" content="')[2].partition('"')[0]


def posted(client: httpx.Client, path: str, headers: dict[str, str], **fields: str) -> int:
    token = form_token(client, headers)
    return client.post(path, headers=headers, data={"form_token": token, **fields}).status_code


def test_viewers_look_and_change_nothing(client: httpx.Client, storage: Storage) -> None:
    viewer = login("viewer")
    assert client.get("/api/v1/jobs", headers=viewer).status_code == 200
    assert client.get("/drop/video", headers=viewer).status_code == 403
    assert client.get("/api/v1/audit", headers=viewer).status_code == 403
    for path in (f"/jobs/{JOB}/delete", f"/jobs/{JOB}/retry", "/poison/purge", "/poison/requeue"):
        assert posted(client, path, viewer, all="1", sure="yes") == 403, path
    assert "Purge" not in client.get("/poison", headers=viewer).text
    assert Jobs(storage).outcome(JOB)


def test_uploaders_drop_and_operators_operate(
    client: httpx.Client, storage: Storage, settings: WebSettings
) -> None:
    uploader, operator = login("uploader"), login("viewer", "operator", name="Bo <b>")
    assert client.get("/drop/video", headers=uploader).status_code == 200
    assert posted(client, f"/jobs/{JOB}/delete", uploader, sure="yes") == 403
    assert posted(client, f"/jobs/{JOB}/delete", operator) == 200  # asks whether to
    assert Jobs(storage).outcome(JOB)
    assert posted(client, f"/jobs/{JOB}/delete", operator, sure="yes") == 303
    assert Jobs(storage).outcome(JOB) is None
    [deed] = Audit(storage, settings).deeds()
    assert (deed.deed, deed.subject, deed.who) == ("delete", JOB, "Bo <b>")
    assert "Bo &lt;b&gt;" in client.get("/poison", headers=operator).text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        login(),
        login("owner"),
        {"X-MS-CLIENT-PRINCIPAL-NAME": "ann@example.com"},
        {"X-MS-CLIENT-PRINCIPAL": "no base64", "X-MS-CLIENT-PRINCIPAL-NAME": "ann@example.com"},
        {"X-MS-CLIENT-PRINCIPAL": "W10=", "X-MS-CLIENT-PRINCIPAL-NAME": "ann@example.com"},
        {"Authorization": "Bearer x"},
    ],
)
def test_who_has_no_role_is_nobody(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.get("/api/v1/jobs", headers=headers).status_code == 401


def test_who_has_no_role_is_told_so(client: httpx.Client) -> None:
    asked = login("owner", name="Eve <i>") | {"Accept": "text/html"}
    page = client.get("/poison", headers=asked, follow_redirects=True).text
    assert "Eve &lt;i&gt;" in page
    assert "none of the roles" in page
    assert "Token" not in page


def test_a_form_outlives_the_replica_that_made_it(
    client: httpx.Client, storage: Storage, settings: WebSettings
) -> None:
    """Azure ends it when nobody asks; other sites' forms are refused all the same."""
    operator = login("operator")
    with served(Desk(storage, settings)) as before:
        old = form_token(before, operator)
    fields = {"form_token": old, "sure": "yes"}
    own = f"{client.base_url}".rstrip("/")
    for origin in ({}, {"Origin": "https://elsewhere.test"}, {"Origin": "null"}):
        answer = client.post(f"/jobs/{JOB}/delete", headers=operator | origin, data=fields)
        assert answer.status_code == 403, origin
    assert Jobs(storage).outcome(JOB)
    answer = client.post(f"/jobs/{JOB}/delete", headers=operator | {"Origin": own}, data=fields)
    assert answer.status_code == 303
    assert Jobs(storage).outcome(JOB) is None


def test_with_a_token_azures_headers_say_nothing(storage: Storage, settings: WebSettings) -> None:
    own = settings.model_copy(update={"web_login": "token"})
    with pytest.raises(Misconfigured, match="IMPASTO_WEB_TOKEN"):
        Desk(storage, own)
    desk = Desk(storage, WebSettings(**own.model_dump(exclude_none=True) | {"web_token": "t"}))
    with served(desk) as client:
        assert client.get("/api/v1/jobs", headers=login("operator")).status_code == 401
        bearer = {"Authorization": "Bearer t"}
        assert client.get("/api/v1/jobs", headers=bearer).status_code == 200


def test_a_page_that_is_fetched_after_a_change_shows_it(
    storage: Storage, settings: WebSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.web.once.AGAIN_SECONDS", 600)
    facts = {"container": "input", "blob": "original/clip.mp4"}
    jobs, newest = storage.container("jobs"), names.newest_record(JOB, datetime.now(UTC))
    jobs.write_once(newest, b"", facts)
    desk = Desk(storage, settings)
    with closing(desk.board), served(desk) as client:
        desk.board.start()
        eventually(lambda: desk.board.state.jobs, "the first look")
        page = client.get(f"/jobs/{JOB}", headers=login("viewer")).text
        assert "why" in page
        before = desk.board.state.versions["jobs"]
        jobs.delete(names.outcome_record(JOB))
        Jobs(storage).fail(JOB, "original/clip.mp4", "failed", "the disk is on fire")
        desk.board.look_again()
        eventually(lambda: desk.board.state.versions["jobs"] != before, "another look")
        page = client.get(f"/jobs/{JOB}", headers=login("viewer")).text
        assert "the disk is on fire" in page
        assert "why" not in page.partition('id="progress"')[2].partition("</section>")[0]
