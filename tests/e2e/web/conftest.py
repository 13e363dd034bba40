"""One stack and one Chromium for all tests of the page; the tests skip where there is no Chromium.

A person is a browser context of its own, who is logged in. Whatever a browser writes to its console
as an error, or throws, fails the test. Browser and stack end with this folder's tests, because
Playwright runs an event loop in the thread of the tests, where others then can't run theirs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks.chromium import CHROMIUM, chromium
from services.console.stack import Stack
from shared.storage import Storage
from tests.support.assets import VGG
from tests.support.leftovers import assert_nothing_is_left
from tests.support.media import make_clip
from tests.support.stacks import QUICK

Person = Callable[..., Page]
#: Milliseconds: as long as a slow machine may need.
PATIENCE = 600_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium; apt-get install chromium, or name one in CHROMIUM")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    patch = pytest.MonkeyPatch()
    lesson = {"IMPASTO_VGG_WEIGHTS": str(VGG), "IMPASTO_LEARNING_STEPS": "2"}
    for name, value in (QUICK | lesson).items():
        patch.setenv(name, value)
    with Stack(tmp_path_factory.mktemp("page") / "stack", nodes=1, page=True) as stack:
        assert stack.page
        assert stack.page.wait()
        yield stack
        assert_nothing_is_left(stack.storage)
    patch.undo()


@pytest.fixture
def storage(stack: Stack) -> Storage:
    return stack.storage


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4)


@pytest.fixture
def base(stack: Stack) -> str:
    assert stack.page
    return stack.page.origins[0]


@pytest.fixture
def person(browser: Browser, stack: Stack, base: str) -> Iterator[Person]:
    """Opens the page for one more person."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def enter(**options: object) -> Page:
        context = browser.new_context(base_url=base, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
        )
        assert stack.page
        page.goto(stack.page.address)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def page(person: Person) -> Page:
    return person()


@pytest.fixture(scope="package")
def clip_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip of a second."""
    folder = tmp_path_factory.mktemp("short")
    return make_clip(folder / "short.mp4", seconds=1, size="160x90").read_bytes()
