"""Fixtures of tests that run in containers: images, a stack, clips."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.compose import Compose, compose_missing
from tests.support.media import make_clip


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """All images are built, no container runs."""
    if why := compose_missing():
        pytest.skip(why)
    compose = Compose(tmp_path_factory.mktemp("compose"))
    compose.build()
    yield compose
    compose.close()


@pytest.fixture(scope="session")
def compose(built: Compose) -> Compose:
    built.up()
    return built


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4)


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to do something while it is painted."""
    return make_clip(tmp_path_factory.mktemp("long") / "long.mp4", seconds=20)
