"""A stack in containers with its own project name, ports and keys."""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from pydantic import SecretStr

from services.console.accounts import free_ports
from shared.control.job_control import JobControl
from shared.settings import Settings
from shared.storage import Storage
from tests.support.azurite import docker_missing
from tests.support.leftovers import assert_nothing_is_left
from tests.support.waiting import eventually
from workloads.video import VIDEO

ROOT = Path(__file__).parents[2]
#: A short clip gets several segments, and waits are short.
QUICK = {
    "IMPASTO_SEGMENT_SECONDS": "1",
    "IMPASTO_IDLE_SECONDS": "0.3",
    "IMPASTO_LEASE_SECONDS": "4",
    "IMPASTO_THREADS": "1",
}
TAG = "test"
#: Tags for base images that were built on this machine, instead of pinned digests.
BASES = {"PYTHON_IMAGE": "python:3.11-slim-bookworm", "NODE_IMAGE": "node:20-bookworm-slim"}
Container = Any
Network = Any


def compose_missing() -> str | None:
    """Why Compose can't be used here; None if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    version = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return "docker has no compose" if version.returncode else docker_missing()


def stand_ins() -> dict[str, str]:
    """Base images that were built on this machine, for machines without a registry."""
    with contextlib.closing(docker.from_env(timeout=30)) as engine:
        here = {
            tag for image in engine.images.list() if not image.attrs["RepoDigests"]
            for tag in image.tags
        }  # fmt: skip
    return {name: tag for name, tag in BASES.items() if tag in here}


def own_ports() -> str:
    names = ("BLOB_PORT", "QUEUE_PORT", "BATCHAI_PORT", "WEB_PORT")
    ports = zip(names, free_ports(len(names)), strict=True)
    return "".join(f"{name}={port}\n" for name, port in ports)


class Compose:
    def __init__(self, folder: Path) -> None:
        self.project = f"impasto-test-{os.getpid()}"
        self._engine = docker.from_env(timeout=120)
        self.folder = folder
        self._keys = folder / ".env"
        self._keys.write_text(f"IMAGES=impasto\n{own_ports()}")
        settings = folder / "settings.env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in QUICK.items()))
        self._environment = (
            os.environ
            | stand_ins()
            | {
                "TAG": TAG,
                "SETTINGS": str(settings),
                "HERE": str(folder),
            }
        )
        printed = subprocess.run(
            [sys.executable, ROOT / "deploy/keys.py", self._keys],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lines = [shlex.split(line)[1] for line in printed.splitlines()]
        #: The variables that `make connections` exports.
        self.exports = dict(line.split("=", 1) for line in lines)
        self.connections = {
            name: self.exports[f"IMPASTO_{name}_CONNECTION"] for name in ("MEDIA", "WORK")
        }
        self.storage = Storage(
            Settings(
                media_connection=SecretStr(self.connections["MEDIA"]),
                work_connection=SecretStr(self.connections["WORK"]),
            )
        )
        self.control = JobControl(self.storage)

    def __call__(self, *arguments: str, **environment: str) -> str:
        command = ["docker", "compose", "--project-name", self.project]
        command += ["--env-file", str(self._keys)]
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def build(self) -> None:
        self("--profile", "*", "build", "--quiet")

    def up(self, *arguments: str, **environment: str) -> None:
        self("up", "--detach", "--wait", *arguments, **environment)

    def close(self) -> None:
        self("--profile", "*", "down", "--volumes", "--timeout", "15")
        self._engine.close()

    def containers(self, service: str | None = None) -> list[Container]:
        """Running containers, the oldest first."""
        label = f"com.docker.compose.project={self.project}"
        found = self._engine.containers.list(filters={"label": label})
        mine = [c for c in found if service in (None, c.labels["com.docker.compose.service"])]
        return sorted(mine, key=lambda container: str(container.attrs["Created"]))

    def network(self, name: str) -> Network:
        [found] = self._engine.networks.list(names=[f"{self.project}_{name}"], greedy=True)
        return found

    def container(self, service: str) -> Container:
        [only] = self.containers(service)
        return only

    def crash(self, service: str, how: str = "kill -9 -1") -> None:
        """Kill it from inside: the engine doesn't restart containers that it was told to stop."""
        container = self.container(service)
        before = container.attrs["RestartCount"]
        container.exec_run(["sh", "-c", how])

        def back() -> bool:
            container.reload()
            health = container.attrs["State"]["Health"]["Status"]
            return bool(container.attrs["RestartCount"] > before) and health == "healthy"

        eventually(back, f"{service} to be back", within=600)

    def configure(self, line: str) -> None:
        """Add a line to `.env`."""
        with self._keys.open("a") as file:
            file.write(f"{line}\n")

    def drop(self, video: Path, blob: str) -> str:
        return self.control.submit(VIDEO, video, blob)

    def finished(self, job: str, path: Path, within: float = 600) -> Path:
        """Waits for the job's end and downloads its output."""
        eventually(lambda: self.control.status(job).ended, f"{job} to end", within)
        status = self.control.status(job)
        assert status.state == "finished", f"{status}\n{self('logs', '--tail', '50')}"
        assert status.output
        assert_nothing_is_left(self.storage)
        self.control.fetch(status, path)
        return path

    def labels(self, service: str) -> dict[str, str]:
        labels: dict[str, str] = self._engine.images.get(f"impasto/{service}:{TAG}").labels
        return labels


def done_by(container: Container, job: str) -> int:
    """How many messages of the job the container has handled."""
    return sum(line["event"] == "done" and line.get("job") == job for line in log_of(container))


def log_of(container: Container) -> Iterator[dict[str, Any]]:
    for line in container.logs().decode().splitlines():
        if line.startswith("{"):
            yield json.loads(line)
