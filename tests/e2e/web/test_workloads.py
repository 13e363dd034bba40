"""What workloads add to the page: learning a style, trying a frame, rounds of readings."""

from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from shared.storage import Storage
from tests.e2e.web.test_dropping import holds
from tests.support.assets import needs_vgg
from tests.support.stacks import ROOT
from tests.support.waiting import eventually
from workloads.readings.rounds import Rounds
from workloads.readings.simulation import simulate_into
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window


@needs_vgg
def test_a_painting_is_dropped_and_its_style_is_seen_and_offered(page: Page) -> None:
    page.goto("/w/video/styles")
    page.locator("[name=painting]").set_input_files(ROOT / "deploy/sample/ejiri.jpg")
    expect(page.locator("[name=name]")).to_have_value("ejiri")
    page.get_by_role("button", name="Learn it").click()
    expect(page.locator("#lessons h2")).to_have_text("ejiri")
    learnt = page.locator("#style-ejiri")
    expect(learnt.locator("img")).to_have_count(3)  # without a reload
    expect(page.locator("#lessons section")).to_have_count(0)
    learnt.scroll_into_view_if_needed()
    holds(page, "[...document.querySelectorAll('#style-ejiri img')].every(i => i.naturalWidth)")
    learnt.get_by_role("link", name="Use").click()
    expect(page.locator("[name=model]:checked")).to_have_value("ejiri")
    page.goto("/w/video/styles")
    page.locator("[name=painting]").set_input_files(ROOT / "deploy/sample/ejiri.jpg")
    page.locator("[name=name]").fill("great-wave")
    page.get_by_role("button", name="Learn it").click()
    expect(page.locator("[data-said]")).to_contain_text("there is a model called great-wave")


def test_a_frame_of_a_video_is_tried_before_the_whole_is_dropped(page: Page, clip: Path) -> None:
    page.goto("/drop/video")
    page.locator('[name=model][value="pencil"]').check(force=True)
    page.locator("[name=strength]").fill("60")
    page.locator("[name=sample]").set_input_files(clip)
    page.get_by_role("button", name="Paint this frame").click()
    said = page.locator("[data-preview] [data-said]")
    expect(said).to_have_text("painted as pencil@0.6")
    holds(page, "document.querySelector('.result').videoWidth === 320")
    assert page.locator(".upload").count() == 0


def test_rounds_of_readings_are_listed_and_a_devices_anomalies_drawn(
    page: Page, storage: Storage, tmp_path: Path
) -> None:
    last = Window(datetime(2026, 6, 2, 11, tzinfo=UTC))
    window = Window(last.before(6).start, 7)
    simulate_into(storage, window, 20, 60.0, 0, tmp_path / "labels.jsonl")
    rounds = Rounds(storage)
    training = Task(Window(window.start, 6), ONE_CLASS_SVM)
    assert rounds.wait(rounds.announce(training, False))["state"] == "finished"
    assert rounds.wait(rounds.announce(Task(last), False))["state"] == "finished"
    page.goto("/w/readings/rounds")
    link = page.get_by_role("link", name="2026-06-02T11")
    eventually(link.is_visible, "the round")
    link.click()
    expect(page.locator("dl.facts")).to_contain_text("anomalies")
    devices = page.locator("#devices tbody tr")
    expect(devices).to_have_count(20)
    counts = [int(devices.nth(n).locator("td").first.inner_text()) for n in range(20)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 0
    name = devices.nth(19).get_by_role("link").inner_text()
    page.locator("#devices [name=q]").fill(name)
    page.locator("#devices [name=q]").press("Enter")
    expect(devices).to_have_count(1)
    page.get_by_role("link", name="pump-").first.click()
    expect(page.locator("polyline")).to_have_count(2)
    assert page.locator("circle").count() > 0
    answer = page.goto("/w/readings/device?name=%3Cscript%3E&window=2026-06-02T11")
    assert answer
    assert answer.status == 404
