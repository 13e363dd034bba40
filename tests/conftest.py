from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from shared.storage import Storage
from tests.support.azurite import Server, docker_missing, from_image, from_npm
from tests.support.raycluster import LocalRay

# How fast examples are generated depends on what else the machine does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session", params=["npm", "container"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    if request.param == "npm":
        with from_npm(tmp_path_factory.mktemp("azurite")) as server:
            yield server
        return
    if why := docker_missing():
        pytest.skip(why)
    with from_image() as server:
        yield server


@pytest.fixture
def storage(server: Server) -> Storage:
    storage = Storage(server.settings())
    storage.prepare()
    return storage


@pytest.fixture
def npm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with from_npm(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="module")
def ray() -> Iterator[LocalRay]:
    pytest.importorskip("ray", reason="the extra `ray` isn't installed")
    cluster = LocalRay(nodes=2)
    yield cluster
    cluster.close()
