"""The pages are for everybody: axe finds nothing serious, the keyboard is enough, a phone too."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from shared.storage import Storage
from tests.e2e.web.conftest import Person
from tests.e2e.web.test_operating import submitted

AXE = Path(__file__).parent / "axe/node_modules/axe-core/axe.min.js"
PAGES = ("/", "/poison", "/cluster", "/drop/video", "/w/video/styles")
SCREENS = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
FIRST_VIEW = 150_000


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_serious(
    person: Person, storage: Storage, clip_bytes: bytes, screen: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe isn't installed; `make setup` installs it")
    job = submitted(storage, "original/seen-by-axe.mp4", clip_bytes)
    page = person(**SCREENS[screen])
    for path in (*PAGES, f"/jobs/{job}"):
        page.goto(path)
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run()")["violations"]
        serious = [
            (each["id"], [node["html"][:200] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert not serious, path
        narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(narrow), path


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.goto("/drop/video")
    radio = page.locator("[name=model]:checked")
    radio.focus()
    before = radio.get_attribute("value")
    page.keyboard.press("ArrowRight")
    assert page.locator("[name=model]:checked").get_attribute("value") != before


def test_the_first_view_is_light_and_asks_nobody_else(person: Person, base: str) -> None:
    page = person()
    sizes: list[int] = []
    asked: list[str] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: asked.append(request.url))
    session.send("Network.clearBrowserCache")
    page.goto("/")
    page.wait_for_load_state("load")
    assert asked
    assert all(url.startswith(base) for url in asked)
    assert 0 < sum(sizes) < FIRST_VIEW
