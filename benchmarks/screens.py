"""Makes the README's pictures of the web page: `make screens`, while the sample is painted."""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from benchmarks.chromium import CHROMIUM, chromium
from services.console.stack import Stack
from shared import logs
from shared.control.job_control import JobControl
from workloads.video import VIDEO

CLIP = Path("deploy/sample/bigbuckbunny.mp4")
JOBS, JOB = Path("deploy/sample/page-jobs.jpg"), Path("deploy/sample/page-job.jpg")
DROPPED = (
    "auvers/opening.mp4",
    "pencil/opening.mp4",
    "original/reel 2.mp4",
    "great-wave:0.3+auvers:0.7/opening.mp4",
    "starry-night/holiday in Hakone.mp4",
    "summertime@0.6/opening.mp4",
)
LONGEST = 1_800_000
QUALITY = 82


def picture(page: Page, path: Path, height: int) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    page.screenshot(path=path, type="jpeg", quality=QUALITY)


def take(page: Page, stack: Stack) -> None:
    control = JobControl(stack.storage)
    stack.storage.container("input").write("original/notes.mp4", b"these are notes")
    jobs = [control.submit(VIDEO, CLIP, blob) for blob in DROPPED]
    assert stack.page
    page.goto(stack.page.address)
    running = page.locator(f"#job-{jobs[4]} .bar")
    expect(running).to_be_visible(timeout=LONGEST)
    expect(page.locator(f"#job-{jobs[4]} .doing")).to_contain_text("left", timeout=LONGEST)
    picture(page, JOBS, 560)
    page.goto(f"/jobs/{jobs[0]}")
    expect(page.locator("#progress .badge")).to_have_text("finished", timeout=LONGEST)
    page.locator("[data-seek]").fill("450")
    page.wait_for_timeout(1500)
    page.locator("#before-after").evaluate("each => window.scrollTo(0, each.offsetTop - 80)")
    picture(page, JOB, 780)
    for job in jobs:
        control.cancel(job)


def main() -> None:
    if not CHROMIUM:
        raise SystemExit("there is no Chromium; name one in CHROMIUM")
    with (
        tempfile.TemporaryDirectory(prefix="impasto-screens-") as folder,
        chromium() as browser,
        Stack(Path(folder) / "stack", nodes=1, page=True) as stack,
    ):
        assert stack.page
        stack.page.wait()
        context = browser.new_context(base_url=stack.page.origins[0])
        take(context.new_page(), stack)


if __name__ == "__main__":
    logs.configure("screens", "error")
    os.environ.setdefault("IMPASTO_SEGMENT_SECONDS", "1")  # so that there is progress to see
    main()
