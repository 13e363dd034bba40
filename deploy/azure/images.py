"""Builds images, pushes them into the environment's registry, and names them by their digests."""

from deploy.azure.az import Failed, az, run
from deploy.azure.environment import Environment

SERVICES = ("splitter", "dispatcher", "scorer", "stitcher", "console", "web")
#: The app or job that runs a service's image; without a login for people there is no `web`.
RUNS = {name: name for name in SERVICES} | {"scorer": "publish", "console": "replay"}


def push(environment: Environment, services: tuple[str, ...]) -> dict[str, str]:
    """The pushed image of each service, as SERVER/impasto/SERVICE@sha256:…"""
    name, server = _registry(environment)
    revision = revision_of("HEAD")
    az("acr", "login", "--name", name)
    for service in services:
        cluster = {"IMPASTO_CLUSTER": "azureml"}  # has what `queue` needs, too
        image = {"IMAGES": f"{server}/impasto", "TAG": revision}
        run("make", "-s", "image", f"SERVICE={service}", **image, **cluster)
        run("docker", "push", "--quiet", f"{server}/impasto/{service}:{revision}")
    return {service: pushed(environment, service, revision) for service in services}


def pushed(environment: Environment, service: str, revision: str) -> str:
    """The image that was pushed from this commit, by digest."""
    name, server = _registry(environment)
    tagged = f"impasto/{service}:{revision}"
    shown = az("acr", "repository", "show", "--name", name, "--image", tagged)
    return f"{server}/impasto/{service}@{shown['digest']}"


def revision_of(commit: str) -> str:
    return run("git", "rev-parse", "--verify", f"{commit}^{{commit}}").strip()


def _registry(environment: Environment) -> tuple[str, str]:
    registry = environment.registry()
    if registry is None:
        raise Failed(
            f"{environment.group} has no registry; run `make deploy` without SERVICE first"
        )
    return str(registry["name"]), str(registry["loginServer"])
