"""Deploys everything: what-if, images, template, publish, smoke test. Each step can be repeated."""

import json
import time
from collections.abc import Callable
from typing import Any

from deploy.azure import images, smoke
from deploy.azure.az import Failed, az, run
from deploy.azure.environment import TEMPLATE, Environment

PUBLISH_SECONDS = 600.0
POLL_SECONDS = 5.0
Say = Callable[[str], None]


def deploy(environment: Environment, location: str, agreed: Callable[[], bool], say: Say) -> None:
    az("account", "show")  # an expired login shows here, before anything is changed
    if not environment.exists():
        if not location:
            raise Failed(f"{environment.group} doesn't exist yet; say where, LOCATION=westeurope")
        az("group", "create", "--name", environment.group, "--location", location)
    say(f"what would change in {environment.group}:")
    say(run("az", *deployment(environment, "what-if", current(environment))))
    if not agreed():
        raise Failed("not agreed to; nothing was changed")
    if environment.registry() is None:
        say("making the registry and all else that needs no image …")
        apply(environment, {})
    say("building and pushing images …")
    pushed = images.push(environment, images.SERVICES)
    say("deploying the template …")
    outputs = apply(environment, pushed)
    say("publishing the styles …")
    publish(environment)
    say("the smoke test paints three seconds of video …")
    say(f"painted: {smoke.test(outputs['mediaName'], outputs['workName'])}")
    if outputs["pageUrl"]:
        smoke.test_page(outputs["pageUrl"])
        say(f"the page asks who you are: {outputs['pageUrl']}")
    else:
        say(f"no page yet: make its login for {outputs['pageHost']}, as the README says")


def deployment(environment: Environment, verb: str, images_by_service: dict[str, str]) -> list[str]:
    return [
        *("deployment", "group", verb, "--resource-group", environment.group),
        *("--name", "impasto", "--template-file", str(TEMPLATE)),
        *("--parameters", environment.parameters),
        *("--parameters", f"images={json.dumps(images_by_service)}"),
    ]


def current(environment: Environment) -> dict[str, str]:
    """The images that run now, so that what-if doesn't take apps for deleted; none at first."""
    running: dict[str, str] = {}
    for name, runs in images.RUNS.items():
        try:
            running[name] = environment.running(runs).image()
        except Failed:
            if name != "web":
                return {}
    return running


def apply(environment: Environment, images_by_service: dict[str, str]) -> dict[str, str]:
    """The template's outputs."""
    answer: dict[str, Any] = az(*deployment(environment, "create", images_by_service))
    outputs = answer["properties"]["outputs"]
    return {name: str(output["value"]) for name, output in outputs.items()}


def publish(environment: Environment) -> None:
    job = environment.running("publish")
    execution = job.start()
    until = time.monotonic() + PUBLISH_SECONDS
    while (status := job.execution(execution)) not in ("Succeeded", "Failed"):
        if time.monotonic() > until:
            raise Failed(f"{job.name} hasn't ended after {PUBLISH_SECONDS:.0f} s; it is {status}")
        time.sleep(POLL_SECONDS)
    if status == "Failed":
        raise Failed(
            f"{job.name} failed; `az containerapp job logs show --name {job.name}` says why"
        )
