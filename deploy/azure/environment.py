"""One environment, `dev` or `prod`: its resource group, its template, and what runs in it."""

import re
from dataclasses import dataclass
from typing import Any

from deploy.azure.az import ROOT, Failed, az

FOLDER = ROOT / "deploy/azure"
TEMPLATE = FOLDER / "main.bicep"
KINDS = {
    "Microsoft.App/containerApps": ["containerapp"],
    "Microsoft.App/jobs": ["containerapp", "job"],
}


@dataclass(frozen=True)
class Environment:
    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]{1,9}", self.name):
            raise Failed("say which environment, for example `ENV=dev`")

    @property
    def group(self) -> str:
        return f"impasto-{self.name}"

    @property
    def parameters(self) -> str:
        return str(FOLDER / f"{self.name}.parameters.json")

    def exists(self) -> bool:
        return bool(az("group", "exists", "--name", self.group))

    def registry(self) -> dict[str, Any] | None:
        found = az("acr", "list", "--resource-group", self.group)
        return found[0] if found else None

    def running(self, service: str) -> "Running":
        """The container app or job of a service, by the end of its name."""
        every = az("resource", "list", "--resource-group", self.group)
        for each in every:
            if each["type"] in KINDS and each["name"].endswith(f"-{service}"):
                return Running(self.group, each["name"], each["id"], KINDS[each["type"]])
        raise Failed(
            f"nothing in {self.group} runs {service}; deploy everything first: `make deploy`"
        )


@dataclass(frozen=True)
class Running:
    group: str
    name: str
    resource_id: str
    command: list[str]

    def image(self) -> str:
        shown = self._az("show")
        return str(shown["properties"]["template"]["containers"][0]["image"])

    def previous(self) -> str | None:
        """The image that ran before, which a tag of the resource remembers."""
        tags = az("tag", "list", "--resource-id", self.resource_id)["properties"].get("tags") or {}
        return tags.get("previousImage")

    def change(self, image: str) -> None:
        """Run another image. Apps end the old revision by themselves; jobs run out."""
        before = self.image()
        if before == image:
            return
        remember = ("--operation", "merge", "--tags", f"previousImage={before}")
        az("tag", "update", "--resource-id", self.resource_id, *remember)
        self._az("update", "--image", image)

    def start(self) -> str:
        return str(self._az("start")["name"])

    def execution(self, name: str) -> str:
        shown = self._az("execution show", "--job-execution-name", name)
        return str(shown["properties"]["status"])

    def _az(self, verb: str, *words: str) -> Any:  # noqa: ANN401 - as `az`
        where = ("--name", self.name, "--resource-group", self.group)
        return az(*self.command, *verb.split(), *where, *words)
