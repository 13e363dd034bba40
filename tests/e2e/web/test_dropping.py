"""A real video is dropped through the page onto a real stack, watched, and judged."""

import json
import os
import re
import signal
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from services.console.stack import Stack
from shared.storage import Storage
from tests.e2e.web.conftest import Person
from tests.support.stacks import impasto, lines
from tests.support.waiting import eventually


def drop(page: Page, *files: Path, style: str = "original") -> None:
    page.goto("/drop/video")
    page.locator(f'[name=model][value="{style}"]').check(force=True)
    page.locator("[name=files]").set_input_files(list(files))


def holds(page: Page, expression: str) -> None:
    """Wait for it from here: the page's policy allows no `eval`."""
    eventually(lambda: page.evaluate(expression), expression, within=20)


def job_of(page: Page, name: str) -> str:
    """The job's id, once the upload is complete."""
    row = page.locator(".upload").filter(has_text=name)
    expect(row.locator(".said")).to_have_text("uploaded; its job has begun")
    return str(row.get_attribute("data-job"))


def test_a_dropped_video_is_painted_and_both_players_run_in_step(
    page: Page, clip: Path, storage: Storage
) -> None:
    drop(page, clip)
    job = job_of(page, "clip.mp4")
    page.goto("/")
    row = page.locator(f"#job-{job}")
    expect(row).to_contain_text("original/clip.mp4")
    expect(row.locator(".badge")).to_have_text("finished")  # without a reload
    row.locator("a").click()
    expect(page.locator("#progress")).to_contain_text("100")
    expect(page.locator(".timeline rect")).not_to_have_count(0)
    page.get_by_role("button", name="Play").click()
    after = "document.querySelector('.after')"
    holds(page, f"{after}.currentTime > 1")
    drift = f"Math.abs({after}.currentTime - document.querySelector('.before').currentTime)"
    holds(page, f"{drift} < 0.15")
    assert page.evaluate(f"{after}.muted") is False
    assert page.evaluate(f"{after}.webkitAudioDecodedByteCount") > 0
    page.locator("[data-seek]").fill("800")
    holds(page, f"{after}.currentTime > 3 && {drift} < 0.15")
    with page.expect_download() as download:
        page.locator("#download").click()
    output = storage.container("output").read("original/clip.mp4")
    assert Path(download.value.path()).read_bytes() == output


def test_an_upload_goes_on_after_the_network_was_lost_and_after_the_page_was_closed(
    person: Person, tmp_path: Path, clip: Path, storage: Storage
) -> None:
    """The blocks that were sent aren't sent again, and there is no second blob."""
    large = tmp_path / "large.mp4"
    large.write_bytes(clip.read_bytes() + b"\0" * (25 << 20))
    page = person()
    sent: list[str] = []
    page.on("requestfinished", lambda r: sent.append(r.url) if "comp=block&" in r.url else None)

    def third_is_lost(route: Route) -> None:
        if len(sent) < 2:
            route.continue_()
        else:
            route.abort("internetdisconnected")

    page.route("**/*comp=block&*", third_is_lost)
    drop(page, large)
    row = page.locator(".upload").filter(has_text="large.mp4")
    expect(row.locator(".said")).to_contain_text("trying again")
    assert storage.container("input").find("original/large.mp4") is None
    before = {block_in(url) for url in sent}
    context = page.context
    page.close(run_before_unload=False)

    again = context.new_page()
    resent: list[str] = []
    again.on("requestfinished", lambda r: resent.append(r.url) if "comp=block&" in r.url else None)
    drop(again, large)
    job_of(again, "large.mp4")
    assert before
    assert not before & {block_in(url) for url in resent}
    found = storage.container("input").find("original/large.mp4")
    assert found
    assert found.size == large.stat().st_size
    assert storage.container("input").find("original/large-2.mp4") is None
    again.goto("/?q=large")
    expect(again.locator(".jobs .badge")).to_have_text(re.compile("finished|refused"))


def block_in(url: str) -> str:
    return url.partition("blockid=")[2]


def test_two_people_drop_files_of_one_name_and_see_each_others_jobs(
    person: Person, tmp_path: Path, clip: Path
) -> None:
    one, two = person(), person()
    mine, theirs = tmp_path / "one" / "both.mp4", tmp_path / "two" / "both.mp4"
    for path, more in ((mine, b""), (theirs, b"\0" * 100)):
        path.parent.mkdir()
        path.write_bytes(clip.read_bytes() + more)
    drop(one, mine)
    first = job_of(one, "both.mp4")
    drop(two, theirs)
    second = job_of(two, "both.mp4")
    assert first != second
    one.goto("/?q=both")
    expect(one.locator(f"#job-{second}")).to_contain_text("original/both-2.mp4")
    expect(one.locator(".badge.finished")).to_have_count(2)


def test_the_page_goes_on_when_the_web_service_was_restarted(
    page: Page, stack: Stack, clip: Path
) -> None:
    """Nobody has to log in again, and an open page shows what came after the restart."""
    page.goto("/?q=after-restart")
    expect(page.locator(".jobs")).to_have_count(0)
    before = stack.pids()["web"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: stack.pids()["web"] != before, "the restart")
    storage = stack.storage
    storage.container("input").write("original/after-restart.mp4", clip.read_bytes())
    expect(page.locator(".jobs .badge")).to_have_text("finished")


def test_the_api_answers_what_the_console_prints(page: Page, stack: Stack) -> None:
    assert stack.page
    bearer = {"Authorization": f"Bearer {stack.page.token}"}
    jobs = page.request.get("/api/v1/jobs", headers=bearer)
    assert jobs.ok
    described = page.request.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    printed = lines(impasto("jobs", "--data", stack.data, "--json"))
    assert json.loads(jobs.text()) == printed
