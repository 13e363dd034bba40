"""Attacks on the page: hostile names, other sites, other hosts, stolen links; nothing gets in."""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from services.console.stack import Stack
from shared.jobs import Jobs
from shared.storage import Storage
from tests.support.waiting import eventually

HOSTILE = (
    "original/hostile-<script>document.title='owned'</script>.mp4",
    "original/hostile-<img src=x onerror=\"document.title='owned'\">.mp4",
    "original/hostile-\"'><svg onload=document.title='owned'>.mp4",
    "original/hostile-{{7*7}}{% raw %}.mp4",
    "original/hostile-\u202egpj.exe\u2066\u200b.mp4",
    "original/hostile-" + "é" * (1024 - len("original/hostile-.mp4")) + ".mp4",
)


@pytest.fixture
def anybody(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base) as client:
        yield client


@pytest.fixture
def token(stack: Stack) -> str:
    assert stack.page
    return stack.page.token


@pytest.fixture
def inside(anybody: httpx.Client, token: str) -> httpx.Client:
    """Logged in, with a cookie."""
    assert anybody.get("/", params={"token": token}).status_code == 303
    return anybody


def form_token(client: httpx.Client) -> str:
    [found] = re.findall(r'<meta name="form-token" content="(\w+)">', client.get("/").text)
    return str(found)


def test_hostile_names_and_messages_are_shown_as_text(page: Page, storage: Storage) -> None:
    for name in HOSTILE:
        storage.container("input").write(name, b"not a video")
    jobs = Jobs(storage)
    storage.queue("segments").send_text(
        base64.b64encode(
            json.dumps({"<script>document.title='owned'</script>": 1}).encode()
        ).decode()
    )
    eventually(lambda: len([j for j in jobs.all() if jobs.ended(j)]) >= len(HOSTILE), "refusals")
    page.goto("/?state=refused&q=hostile")
    expect(page.locator(".jobs li")).to_have_count(len(HOSTILE))
    said = page.locator(".jobs").inner_text()
    assert "hostile-<script>document.title='owned'</script>.mp4" in said
    assert "{{7*7}}{% raw %}.mp4" in said
    assert "\\u202egpj.exe\\u2066\\u200b.mp4" in said
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    for link in [a.get_attribute("href") for a in page.locator(".jobs .name").all()]:
        page.goto(str(link))
        assert page.evaluate(width), link
        assert "owned" not in page.title() or "<" in page.title()
    page.goto("/poison")
    expect(page.locator("#poison li")).to_have_count(1)
    assert page.locator("main script, main img[onerror], main svg[onload]").count() == 0
    page.get_by_role("button", name="Purge this message").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="No poison")).to_be_visible()


def test_nobody_gets_in_without_the_token(anybody: httpx.Client, token: str) -> None:
    for path in (
        "/",
        "/poison",
        "/cluster",
        "/drop/video",
        "/jobs/x",
        "/w/video/styles",
        "/events",
    ):
        answer = anybody.get(path)
        assert answer.status_code in (303, 401), path
    for path in ("/api/v1/jobs", "/api/v1/audit", "/api/v1/openapi.json"):
        assert anybody.get(path).status_code == 401
    wrong = {"Authorization": f"Bearer {token[:-1]}"}
    assert anybody.get("/api/v1/jobs", headers=wrong).status_code == 401
    assert anybody.get("/", params={"token": "wrong"}).headers["location"] == "/login?wrong=1"
    assert not anybody.cookies
    port = anybody.base_url.port
    for forged in ("", "1.2.3", f"9999999999.abc.{'0' * 64}"):
        cookies = {"Cookie": f"impasto-{port}={forged}"}
        assert anybody.get("/api/v1/jobs", headers=cookies).status_code == 401


def test_another_site_can_change_nothing_in_a_persons_name(inside: httpx.Client) -> None:
    good = {"X-Form-Token": form_token(inside)}
    for headers in (
        {},
        {"X-Form-Token": "0" * 64},
        {**good, "Origin": "http://evil.example"},
        {**good, "Origin": "null"},
    ):
        for path in ("/poison/purge", "/jobs/x/delete", "/api/v1/poison/purge", "/logout"):
            assert inside.post(path, headers=headers).status_code == 403, (path, headers)
    assert inside.post("/jobs/no-such-job/cancel", headers=good).status_code == 404
    [cookie] = inside.cookies.jar
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert str(cookie.get_nonstandard_attr("SameSite")).lower() == "lax"


def test_a_session_of_one_person_has_no_use_for_anothers_forms(
    base: str, token: str, inside: httpx.Client
) -> None:
    with httpx.Client(base_url=base) as other:
        other.get("/", params={"token": token})
        stolen = {"X-Form-Token": form_token(other)}
    assert inside.post("/poison/purge", headers=stolen).status_code == 403


def test_other_hosts_are_not_answered(inside: httpx.Client) -> None:
    """A hostile name that points here would otherwise be the same origin for its site."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        assert inside.get("/livez", headers={"Host": host}).status_code == 400, host


def test_no_answer_lacks_the_headers_or_has_a_key(
    inside: httpx.Client, stack: Stack, token: str
) -> None:
    keys = (stack.accounts.media_key, stack.accounts.work_key, token)
    for path in (
        "/",
        "/poison",
        "/cluster",
        "/drop/video",
        "/login",
        "/nothing",
        "/api/v1/cluster",
    ):
        answer = inside.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not any(key in answer.text for key in keys), path
        assert "sig=" not in answer.text


def test_a_link_to_upload_is_for_one_blob_that_isnt_there(inside: httpx.Client) -> None:
    headers = {"X-Form-Token": form_token(inside)}

    def ask(**changed: object) -> httpx.Response:
        body = {"workload": "video", "model": "original", "name": "linked.mp4"} | changed
        return inside.post("/api/v1/uploads", headers=headers, json=body)

    begun = ask().json()
    link = begun["link"]
    other = link.replace("linked.mp4", "other.mp4")
    assert begun["blob"] == "original/linked.mp4"
    put = {"x-ms-blob-type": "BlockBlob"}
    assert httpx.put(other, headers=put, content=b"x").status_code == 403
    listing = (
        f"{link.partition('/original/')[0]}?restype=container&comp=list&{urlsplit(link).query}"
    )
    assert httpx.get(listing).status_code == 403
    assert httpx.delete(link).status_code == 403
    assert ask(workload="readings").status_code == 404
    assert ask(model="no-such-style").status_code == 409
    for name in ("a\0.mp4", "a\\b.mp4", "x" * 1024):
        assert ask(name=name).status_code in (409, 422), name
    # `..` and empty folders are left out, so that the blob stays in its folder.
    assert ask(name="../../output//stolen.mp4").json()["blob"] == "original/output/stolen.mp4"


def test_after_logging_in_nobody_is_sent_to_another_site(anybody: httpx.Client, token: str) -> None:
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = anybody.post("/login", data={"login": token, "to": to})
        assert answer.headers["location"] == "/", to
    answer = anybody.get("//evil.example/", params={"token": token})
    assert urlsplit(answer.headers.get("location", "/")).netloc == ""


def test_large_and_endless_bodies_are_refused(inside: httpx.Client) -> None:
    headers = {"X-Form-Token": form_token(inside)}
    large = inside.post("/poison/requeue", headers=headers, content=b"x" * (300 << 10))
    assert large.status_code == 400
    endless = inside.post("/poison/requeue", headers=headers, content=iter([b"x", b"y"]))
    assert endless.status_code == 400


def test_paths_to_other_files_find_nothing(inside: httpx.Client) -> None:
    for path in (
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/video/..%2f..%2f__init__.py",
        "/w/video/painted/../../jobs/x",
        "/w/video/painted/%2e%2e/x",
        "/jobs/..%2f_newest",
        "/jobs/_newest",
    ):
        assert inside.get(path).status_code == 404, path
