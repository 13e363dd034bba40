"""What operators do on the page: retry, cancel, delete, requeue and purge."""

import json
import re

from playwright.sync_api import Page, expect

from services.console.stack import Stack
from shared import names
from shared.control.poison import PoisonQueues
from shared.jobs import Jobs
from shared.storage import Storage
from shared.telemetry.audit import Audit
from tests.e2e.web.conftest import Person
from tests.support.waiting import eventually


def submitted(storage: Storage, name: str, data: bytes) -> str:
    """The job of a blob, which is written unless it is there, once it has ended."""
    if storage.container("input").find(name) is None:
        storage.container("input").write(name, data)
    found = storage.container("input").find(name)
    assert found
    job = names.job_id(name, found.etag)
    eventually(lambda: Jobs(storage).ended(job), f"the end of {job}")
    return job


def last_line_is_kept(storage: Storage, job: str) -> bool:
    """The handling that ended the job has ended, too."""
    logs = storage.container("logs")
    return any(
        b'"process scored"' in logs.read(blob.name).partition(b'{"span": {"name": "job"')[2]
        for blob in logs.under(f"{job}/stitcher-")
    )


def sure(page: Page) -> None:
    """Answer the question before something that can't be undone: by the script, or as a page."""
    page.get_by_role("button", name="Go on").click()


def test_a_failed_job_is_pointed_out_and_retried_to_its_end(
    page: Page, storage: Storage, clip_bytes: bytes
) -> None:
    job = submitted(storage, "original/to-retry.mp4", clip_bytes)
    jobs = Jobs(storage)
    storage.container("jobs").delete(f"{job}/outcome.json")
    jobs.fail(job, "original/to-retry.mp4", "failed", "the disk is on fire")
    page.goto("/")
    expect(page.locator("#trouble")).to_contain_text("A job has failed.")
    page.locator("#trouble").get_by_role("link", name="Look").click()
    expect(page.locator("#progress")).to_contain_text("the disk is on fire")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#progress .badge")).to_have_text("finished")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    expect(page.locator("#trouble .strip")).to_have_count(0)


def test_a_job_is_deleted_with_its_files_and_isnt_announced_again(
    page: Page, stack: Stack, clip_bytes: bytes
) -> None:
    storage = stack.storage
    job = submitted(storage, "original/to-delete.mp4", clip_bytes)
    eventually(lambda: last_line_is_kept(storage, job), "the job's last line")
    page.goto(f"/jobs/{job}")
    page.get_by_role("button", name="Delete").click()
    sure(page)
    expect(page).to_have_url(re.compile(r"/$"))
    eventually(lambda: not storage.container("jobs").under(f"{job}/"), "the records to go")
    assert storage.container("input").find("original/to-delete.mp4") is None
    assert storage.container("output").find("original/to-delete.mp4") is None
    assert not storage.container("logs").under(f"{job}/")
    assert job not in json.dumps([b.name for b in storage.container("jobs").under("_newest/")])
    expect(page.locator(f"#job-{job}")).to_have_count(0)
    assert page.goto(f"/jobs/{job}").status == 404  # type: ignore[union-attr]
    assert stack.page
    deeds = Audit(storage, stack.accounts.settings()).deeds()
    assert [(deed.deed, deed.subject) for deed in deeds if deed.subject == job] == [("delete", job)]


def test_poison_is_read_requeued_and_purged(page: Page, storage: Storage) -> None:
    page.goto("/poison")
    expect(page.get_by_role("heading", name="No poison")).to_be_visible()
    storage.queue("segments").send_text("nonsense <b>bold</b>")
    expect(page.locator("#poison li")).to_have_count(1)  # without a reload
    expect(page.locator("#trouble")).to_contain_text("1 message couldn't be handled.")
    [first] = PoisonQueues(storage).first().entries
    page.get_by_role("button", name="Requeue this message").click()
    again = eventually(
        lambda: [e for e in PoisonQueues(storage).first().entries if e.id != first.id],
        "the message in poison again",
    )
    expect(page.locator(f"#entry-{again[0].id}")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Purge all").click()
    sure(page)
    expect(page.get_by_role("heading", name="No poison")).to_be_visible()
    assert storage.poison("segments").count() == 0
    expect(page.locator("#trouble .strip")).to_have_count(0)


def test_without_a_script_the_question_is_a_page(person: Person, storage: Storage) -> None:
    """And nothing is done before it is answered."""
    storage.queue("segments").send_text("nonsense")
    eventually(lambda: PoisonQueues(storage).first().messages, "the poison")
    page = person(java_script_enabled=False)
    purge = page.get_by_role("button", name="Purge all")

    def shown() -> bool:
        """The service looks at poison from time to time; a page without a script doesn't change."""
        page.goto("/poison")
        return bool(purge.count())

    eventually(shown, "the button")
    purge.click()
    expect(page.get_by_role("heading", name="Purge all messages?")).to_be_visible()
    assert PoisonQueues(storage).first().messages == 1
    sure(page)
    expect(page.get_by_role("heading", name="No poison")).to_be_visible()
    assert PoisonQueues(storage).first().messages == 0
