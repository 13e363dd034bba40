"""Azurite for tests: from npm, or from the official image where there is Docker."""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import docker
from pydantic import SecretStr
from testcontainers.community.azurite import AzuriteContainer

from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.child_processes import Lifeline
from shared.settings import Settings

#: Each test has accounts of its own; Azurite must know all of them at its start.
ACCOUNTS = 600
IMAGE = "mcr.microsoft.com/azure-storage/azurite:latest"


class Azurite:
    def __init__(self, blob: str, queue: str, key: str) -> None:
        self._blob, self._queue, self._key = blob, queue, key
        self._next = itertools.count()

    def account(self) -> SecretStr:
        name = f"test{next(self._next):05}"
        return SecretStr(
            f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={self._key};"
            f"BlobEndpoint={self._blob}/{name};QueueEndpoint={self._queue}/{name}"
        )

    def settings(self, **changes: object) -> Settings:
        """Two new accounts, and waits short enough for a test."""
        quick = {
            "lease_seconds": 2,
            "max_attempts": 3,
            "retry_seconds": 0.1,
            "retry_max_seconds": 1,
            "idle_seconds": 0.2,
            "outage_seconds": 60,
        }
        return Settings.model_validate(
            {"media_connection": self.account(), "work_connection": self.account()}
            | quick
            | changes
        )


class ManyAccounts(Accounts):
    @property
    def azurite(self) -> str:
        return many_accounts(self.media_key)


def many_accounts(key: str) -> str:
    return ";".join(f"test{n:05}:{key}" for n in range(ACCOUNTS))


class AzuriteProcess:
    """An Azurite that a test may stop and start."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = accounts.new_key()
        blob_port, queue_port = accounts.free_ports(2)
        self._ports = ManyAccounts(
            blob_port=blob_port,
            queue_port=queue_port,
            media_key=self._key,
            work_key=self._key,
        )
        self._lifeline = Lifeline()
        self._process: subprocess.Popen[bytes] | None = None
        host = f"http://{accounts.HOST}"
        self.azurite = Azurite(
            f"{host}:{self._ports.blob_port}", f"{host}:{self._ports.queue_port}", self._key
        )

    def start(self) -> None:
        self._process = azurite.start(
            self._ports, self._folder / "azurite", self._folder / "azurite.log", self._lifeline.end
        )

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.stop()
        self._lifeline.cut()


@contextmanager
def from_npm(folder: Path) -> Iterator[Azurite]:
    own = AzuriteProcess(folder)
    own.start()
    try:
        yield own.azurite
    finally:
        own.close()


@contextmanager
def from_image() -> Iterator[Azurite]:
    key = accounts.new_key()
    with AzuriteContainer(IMAGE).with_env("AZURITE_ACCOUNTS", many_accounts(key)) as container:
        host = container.get_container_host_ip()
        yield Azurite(
            f"http://{host}:{container.get_exposed_port(10000)}",
            f"http://{host}:{container.get_exposed_port(10001)}",
            key,
        )


def docker_missing() -> str | None:
    """Why containers can't be used here; None if they can."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if address.scheme == "unix" and not Path(address.path).is_socket():
        return f"no Docker engine: there is no socket at {address.path}"
    try:
        with contextlib.closing(docker.from_env(timeout=5)) as engine:
            engine.ping()
    except docker.errors.DockerException as error:
        return f"no Docker engine answers: {str(error)[:80]}"
    return None
