"""A new style: a dropped painting is learnt on the cluster, and videos are painted with it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.console.stack import Stack
from shared import names
from shared.control.job_control import JobControl
from shared.control.status import Status
from shared.errors import Missing
from shared.models import Models
from tests.support.assets import VGG, needs_vgg
from tests.support.media import make_clip
from tests.support.stacks import QUICK, ROOT, stack_in
from tests.support.waiting import eventually
from workloads.video import VIDEO

EJIRI = ROOT / "deploy/sample/ejiri.jpg"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    lesson = {"IMPASTO_VGG_WEIGHTS": str(VGG), "IMPASTO_LEARNING_STEPS": "2"}
    lesson["IMPASTO_FINE_STEPS"] = "2"
    for name, value in (QUICK | lesson).items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=1) as stack:
        yield stack


def end_of(control: JobControl, job: str) -> Status:
    def ended() -> Status | None:
        with suppress(Missing):  # the job isn't known yet
            status = control.status(job)
            return status if status.ended else None
        return None

    status = eventually(ended, f"the end of {job}")
    assert status
    return status


@needs_vgg
def test_a_video_waits_until_its_style_is_learnt(stack: Stack, tmp_path: Path) -> None:
    control = JobControl(stack.storage)
    lesson = control.teach(VIDEO, EJIRI, "ejiri")
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="96x64")
    mixed = "ejiri:0.5+great-wave:0.5@0.8"
    jobs = [control.submit(VIDEO, clip, f"{style}/clip.mp4") for style in ("ejiri", mixed)]
    two = make_clip(tmp_path / "two.mp4", seconds=0.08, size="96x64")
    jobs.append(control.submit(VIDEO, two, "ejiri!fine/two.mp4"))
    for job in [lesson, *jobs]:
        status = end_of(control, job)
        assert status.state == "finished", status
    assert "ejiri" in Models(stack.storage).names()
    assert Models(stack.storage).find("ejiri").metadata["source"]
    shown = Models(stack.storage).shown("ejiri")
    assert [blob.name for blob in shown] == [f"_shown/ejiri/{n}.jpg" for n in (1, 2, 3)]
    Models(stack.storage).remove("ejiri")
    assert Models(stack.storage).shown("ejiri") == []
    half_done = stack.storage.container("segments")
    eventually(lambda: not half_done.under(), "intermediates to be deleted")


def test_a_painting_that_cant_be_learnt_is_refused_and_so_are_its_videos(
    stack: Stack, tmp_path: Path
) -> None:
    control = JobControl(stack.storage)
    etag = stack.storage.container("styles").write("broken.jpg", EJIRI.read_bytes()[:5000])
    lesson = names.job_id("broken.jpg", etag)
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="96x64")
    asked = {
        "broken": "broken could not be learnt: the image can't be read",
        "harvest": "no model is called 'harvest'; there are auvers,",
        "original:0.5+auvers:0.5": "original can't be mixed with others",
        "auvers:0.5+": "no model is called ''",
        "auvers@7": "is more than 1",
    }
    jobs = {
        control.submit(VIDEO, clip, f"{style}/clip.mp4"): reason for style, reason in asked.items()
    }
    for job, reason in {lesson: "the image can't be read", **jobs}.items():
        status = end_of(control, job)
        assert status.state == "refused", status
        assert reason in (status.reason or "")
    assert "broken" not in Models(stack.storage).names()
