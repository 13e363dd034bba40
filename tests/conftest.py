"""Fixtures of all tests: Azurite, storage, and a Ray cluster."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import Scheduling

from shared.prepare import prepare
from shared.storage import Storage
from tests.support.azurite import Azurite, docker_missing, from_image, from_npm
from tests.support.raycluster import LocalRay
from tests.support.side_by_side import InGroups

# Torch's threads sleep while they wait for each other. By default they spin, which on cores that
# several tests share takes five times the CPU. Torch reads this when it is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Generating examples may be slow on a busy machine.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return InGroups(config, log)


@pytest.fixture(scope="session", params=["npm", "container"])
def azurite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Azurite]:
    if request.param == "npm":
        with from_npm(tmp_path_factory.mktemp("azurite")) as azurite:
            yield azurite
        return
    if why := docker_missing():
        pytest.skip(why)
    with from_image() as azurite:
        yield azurite


@pytest.fixture
def storage(azurite: Azurite) -> Storage:
    storage = Storage(azurite.settings())
    prepare(storage)
    return storage


@pytest.fixture
def npm_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with from_npm(tmp_path_factory.mktemp("azurite")) as azurite:
        yield azurite


@pytest.fixture(scope="module")
def ray() -> Iterator[LocalRay]:
    pytest.importorskip("ray", reason="the extra `ray` isn't installed")
    cluster = LocalRay(nodes=2)
    yield cluster
    cluster.close()
