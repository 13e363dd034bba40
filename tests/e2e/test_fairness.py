"""A short video doesn't wait for a long one."""

from pathlib import Path

import pytest

from shared.control.job_control import JobControl
from tests.support.media import make_clip
from tests.support.stacks import QUICK, stack_in
from tests.support.waiting import eventually
from workloads.video import VIDEO


def test_a_short_video_dropped_after_a_long_one_ends_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = make_clip(tmp_path / "long.mp4", seconds=60, size="64x36", gop=25, tracks=())
    short = make_clip(tmp_path / "short.mp4", seconds=2, size="64x36", gop=25, tracks=())
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=2) as stack:
        control = JobControl(stack.storage)
        first = control.submit(VIDEO, long, "original/long.mp4")
        eventually(lambda: control.status(first).scored, "something of the long one scored")
        second = control.submit(VIDEO, short, "original/short.mp4")
        eventually(lambda: control.status(second).ended, "the short one to end")
        assert control.status(first).state == "running"
        eventually(lambda: control.status(first).ended, "the long one to end", within=120)
        assert control.status(first).state == "finished"
