"""Fixtures of tests that start whole stacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.console.stack import Stack
from tests.support.media import make_clip
from tests.support.stacks import QUICK, stack_in


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack started by this process, so that a test can kill its services."""
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=1) as stack:
        yield stack
