"""What images contain, their user and their labels."""

import subprocess
from pathlib import Path

import pytest

from tests.containers.compose import TAG, Compose

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/Dockerfile"))
HEAVY = {
    "av": {"splitter", "stitcher"},
    "torch": {"scorer", "batchai"},
    "typer": {"console"},
    "azure.mgmt.batchai": {"dispatcher", "console"},
    "pytest": set(),
    "services.scorer": {"scorer", "batchai"},
    "services.splitter": {"splitter"},
    "services.console": {"console"},
    "tests": set(),
}
LOOK = """
from importlib.util import find_spec
def there(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(*filter(there, {names!r}))
"""


def inside(service: str, *command: str) -> str:
    """The output of a command in a read-only container without a network."""
    run = ["docker", "run", "--rm", "--read-only", "--network", "none"]
    said = subprocess.run(
        [*run, "--entrypoint", command[0], f"impasto/{service}:{TAG}", *command[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_contains_what_its_service_needs_and_no_more(built: Compose, service: str) -> None:
    found = inside(service, "python", "-c", LOOK.format(names=list(HEAVY))).split()
    assert found == [name for name, services in HEAVY.items() if service in services]


@pytest.mark.parametrize("service", [*SERVICES, "azurite"])
def test_an_image_runs_as_an_unprivileged_user(built: Compose, service: str) -> None:
    assert int(inside(service, "id", "-u")) >= 1000


@pytest.mark.parametrize("service", [*SERVICES, "azurite"])
def test_an_image_has_labels(built: Compose, service: str) -> None:
    labels = built.labels(service)
    assert labels["org.opencontainers.image.title"] == f"impasto-{service}"
    assert labels["org.opencontainers.image.version"] == TAG
    assert labels["org.opencontainers.image.description"]


def test_shipped_scorers_are_found_in_images(built: Compose) -> None:
    for service in ("scorer", "batchai"):
        listed = inside(service, "python", "-m", "services.scorer.publish", "--list").split()
        assert {"original", "pencil", "great-wave"} <= set(listed)
