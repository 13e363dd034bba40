"""`STYLE!fine`: a stack paints a video the finer way, and refuses names that aren't any."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from services.console.stack import Stack
from shared.control.job_control import JobControl
from tests.e2e.test_learning import end_of
from tests.support.assets import VGG, needs_vgg
from tests.support.leftovers import leftovers
from tests.support.media import make_clip
from tests.support.stacks import QUICK, stack_in
from workloads.video import VIDEO


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    fine = {"IMPASTO_VGG_WEIGHTS": str(VGG), "IMPASTO_FINE_STEPS": "4"}
    for name, value in (QUICK | fine).items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=1) as stack:
        yield stack


@needs_vgg
def test_a_video_is_painted_the_finer_way(stack: Stack, tmp_path: Path) -> None:
    control = JobControl(stack.storage)
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.08, size="160x128")
    job = control.submit(VIDEO, clip, "starry-night!fine/clip.mp4")
    status = end_of(control, job)
    assert status.state == "finished", status
    made = stack.storage.container("output").read("starry-night!fine/clip.mp4")
    (tmp_path / "out.mp4").write_bytes(made)
    with av.open(str(tmp_path / "out.mp4")) as painted:
        frames = [frame.to_ndarray(format="rgb24") for frame in painted.decode(video=0)]
    assert [frame.shape for frame in frames] == [(128, 160, 3)] * 2
    assert leftovers(stack.storage) == []


def test_a_name_that_isnt_one_is_refused(stack: Stack, tmp_path: Path) -> None:
    control = JobControl(stack.storage)
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.08, size="96x64")
    asked = {
        "starry-night!fin": "'!fin' in 'starry-night!fin' isn't known; only !fine is",
        "starry-night!fine@0.5": "'!fine@0.5' in 'starry-night!fine@0.5' isn't known",
        "!fine": "no model is called '' in '!fine': names have small letters",
        "pencil!fine": "pencil has no finer way; leave out the !fine",
    }
    jobs = {
        control.submit(VIDEO, clip, f"{style}/clip.mp4"): reason for style, reason in asked.items()
    }
    for job, reason in jobs.items():
        status = end_of(control, job)
        assert status.state == "refused", status
        assert reason in (status.reason or "")
    output = stack.storage.container("output")
    assert output.under() == []
