"""When headless Chromium first paints pages, how much they load, and how much memory they take."""

from playwright.sync_api import BrowserContext

from benchmarks.chromium import CHROMIUM, chromium
from benchmarks.report import Table
from services.console.web_access import WebAccess

PAGES = ("/", "/?q=film%2012", "/poison", "/cluster", "/w/video/styles", "/drop/video")
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
TRIES = 5


def first_paints(access: WebAccess) -> Table:
    columns = ("page", "first paint", "loaded", "memory of its script")
    if not CHROMIUM:
        return Table(columns, [("there is no Chromium", "", "", "")])
    with chromium() as browser:
        rows = []
        for path in PAGES:
            tries = [one(browser.new_context(), access, path) for _ in range(TRIES)]
            paint, loaded, heap = sorted(tries)[TRIES // 2]
            rows.append(
                (
                    f"`{path}`",
                    f"{paint:.0f} ms",
                    f"{loaded / 1000:.0f} kB",
                    f"{heap / 2**20:.1f} MiB",
                )
            )
    return Table(columns, rows)


def one(context: BrowserContext, access: WebAccess, path: str) -> tuple[float, int, float]:
    """With an empty cache: the first paint in ms, bytes of all answers, bytes of the heap."""
    page = context.new_page()
    page.goto(f"{access.origins[0]}/login")
    page.goto(access.address)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(access.origins[0] + path)
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)
    paint = float(page.evaluate(FIRST_PAINT) or 0)
    session.send("HeapProfiler.collectGarbage")
    heap = float(page.evaluate("performance.memory.usedJSHeapSize"))
    context.close()
    return paint, sum(sizes), heap
