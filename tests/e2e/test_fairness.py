"""A short video dropped behind a long one."""

from pathlib import Path

import pytest

from services.console.jobs import Desk
from tests.support.media import make_clip
from tests.support.stacks import QUICK, stack_in
from tests.support.waiting import eventually


def test_a_short_one_behind_a_long_one_ends_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = make_clip(tmp_path / "long.mp4", seconds=60, size="64x36", gop=25, tracks=())
    short = make_clip(tmp_path / "short.mp4", seconds=2, size="64x36", gop=25, tracks=())
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=2) as stack:
        desk = Desk(stack.storage)
        first = desk.submit(long, "original/long.mp4")
        eventually(lambda: desk.status(first).scored, "something of the long one scored")
        second = desk.submit(short, "original/short.mp4")
        eventually(lambda: desk.status(second).ended, "the short one to end")
        assert desk.status(first).state == "running"
        eventually(lambda: desk.status(first).ended, "the long one to end", within=120)
        assert desk.status(first).state == "finished"
