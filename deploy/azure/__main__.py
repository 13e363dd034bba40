"""`make deploy`, `make roll-back` and `make destroy`: `python -m deploy.azure VERB ENV`."""

import argparse
import sys

from deploy.azure import images, whole
from deploy.azure.az import Failed, az
from deploy.azure.environment import Environment, Running


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.azure", description=__doc__)
    parser.add_argument("verb", choices=["deploy", "roll-back", "destroy"])
    parser.add_argument("environment")
    parser.add_argument("--service", default="")
    parser.add_argument("--to", default="", help="roll back to the image of this commit")
    parser.add_argument("--location", default="", help="where a new environment is made")
    parser.add_argument("--yes", action="store_true", help="agreed to elsewhere, as in CI")
    options = parser.parse_args()
    try:
        environment = Environment(options.environment)
        if options.verb == "destroy":
            destroy(environment, options.yes)
        elif options.verb == "roll-back":
            roll_back(environment, options.service, options.to)
        elif options.service:
            deploy_service(environment, options.service)
        else:
            agreed = (
                (lambda: True) if options.yes else (lambda: answer("apply this? [y/N] ") == "y")
            )
            whole.deploy(environment, options.location, agreed, say)
    except Failed as failed:
        say(f"{options.verb}: {failed}; it can be run again")
        sys.exit(1)


def deploy_service(environment: Environment, service: str) -> None:
    """One service alone; the others and their messages stay as they are."""
    all_running = running_of(environment, service)
    [image] = images.push(environment, (service,)).values()
    for running in all_running:
        running.change(image)
        say(f"{running.name} runs {image}")


def running_of(environment: Environment, service: str) -> list[Running]:
    """The app or the jobs that a deployment of the service alone changes."""
    if service not in images.SERVICES:
        known = ", ".join(images.SERVICES)
        raise Failed(f"SERVICE={service or '…'} is no service; there are {known}")
    names = ("replay", "due") if service == "console" else (service,)
    return [environment.running(name) for name in names]


def roll_back(environment: Environment, service: str, commit: str) -> None:
    """To the image that it ran before, or to any that was pushed."""
    all_running = running_of(environment, service)
    wanted = images.pushed(environment, service, images.revision_of(commit)) if commit else None
    for running in all_running:
        image = wanted or running.previous()
        if image is None:
            raise Failed(
                f"{running.name} doesn't remember what it ran before; "
                "say which commit's image, TO=v1.2"
            )
        running.change(image)
        say(f"{running.name} runs {image} again; `make roll-back` once more undoes this")


def destroy(environment: Environment, agreed: bool) -> None:
    if not environment.exists():
        say(f"{environment.group} doesn't exist; nothing to destroy")
        return
    count = len(az("resource", "list", "--resource-group", environment.group))
    say(f"{environment.group} has {count} resources, with every video and record in them.")
    if not agreed and answer(f"type {environment.name} to delete it all: ") != environment.name:
        raise Failed("not agreed to; nothing was deleted")
    az("group", "delete", "--name", environment.group, "--yes")
    say(f"{environment.group} is deleted; media's blobs can't be recovered")


def answer(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
