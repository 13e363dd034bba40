"""Builds images, pushes them into the environment's registry, and names them by their digests."""

from deploy.azure.az import Failed, az, run
from deploy.azure.environment import Environment

SERVICES = ("splitter", "dispatcher", "scorer", "stitcher", "console")
#: The app or job that always runs a service's image.
RUNS = {name: name for name in SERVICES} | {"scorer": "publish", "console": "replay"}


def push(environment: Environment, services: tuple[str, ...]) -> dict[str, str]:
    """The pushed image of each service, as SERVER/impasto/SERVICE@sha256:…"""
    registry = environment.registry()
    if registry is None:
        raise Failed(
            f"{environment.group} has no registry; run `make deploy` without SERVICE first"
        )
    name, server = str(registry["name"]), str(registry["loginServer"])
    tag = run("git", "rev-parse", "HEAD").strip()
    az("acr", "login", "--name", name)
    return {service: _push(name, server, service, tag) for service in services}


def _push(registry: str, server: str, service: str, tag: str) -> str:
    repository = f"impasto/{service}"
    cluster = {"IMPASTO_CLUSTER": "azureml"}  # has what `queue` needs, too
    run("make", "-s", "image", f"SERVICE={service}", IMAGES=f"{server}/impasto", TAG=tag, **cluster)
    run("docker", "push", "--quiet", f"{server}/{repository}:{tag}")
    shown = az("acr", "repository", "show", "--name", registry, "--image", f"{repository}:{tag}")
    return f"{server}/{repository}@{shown['digest']}"
