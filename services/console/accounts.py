"""The two storage accounts of a local stack, whose keys and ports are kept in its folder."""

import base64
import os
import secrets
import socket
from contextlib import ExitStack
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from shared.settings import Settings

MEDIA, WORK = "impastomedia", "impastowork"
HOST = "127.0.0.1"


class Accounts(BaseModel):
    blob_port: int
    queue_port: int
    media_key: str
    work_key: str
    #: Of the stack in this folder; not in the file, as the folder may be moved.
    bells: Path | None = Field(None, exclude=True)

    @property
    def azurite(self) -> str:
        """The value of AZURITE_ACCOUNTS."""
        return f"{MEDIA}:{self.media_key};{WORK}:{self.work_key}"

    @property
    def media_connection(self) -> str:
        return self._connection(MEDIA, self.media_key)

    @property
    def work_connection(self) -> str:
        return self._connection(WORK, self.work_key)

    def environment(self) -> dict[str, str]:
        return {
            "IMPASTO_MEDIA_CONNECTION": self.media_connection,
            "IMPASTO_WORK_CONNECTION": self.work_connection,
        } | ({"IMPASTO_BELLS": str(self.bells)} if self.bells else {})

    def settings(self) -> Settings:
        return Settings(
            outage_seconds=30,
            bells=self.bells,
            media_connection=SecretStr(self.media_connection),
            work_connection=SecretStr(self.work_connection),
        )

    def _connection(self, name: str, key: str) -> str:
        return ";".join(
            [
                "DefaultEndpointsProtocol=http",
                f"AccountName={name}",
                f"AccountKey={key}",
                f"BlobEndpoint=http://{HOST}:{self.blob_port}/{name}",
                f"QueueEndpoint=http://{HOST}:{self.queue_port}/{name}",
            ]
        )


def path_in(data: Path) -> Path:
    return data / "accounts.json"


def bells_in(data: Path) -> Path | None:
    """None where there are no named pipes."""
    return data.resolve() / "bells" if hasattr(os, "mkfifo") else None


def read(data: Path) -> Accounts | None:
    path = path_in(data)
    if not path.exists():
        return None
    known = Accounts.model_validate_json(path.read_text())
    return known.model_copy(update={"bells": bells_in(data)})


def make(data: Path) -> Accounts:
    """Read this folder's accounts, or create them. The ports change only if they are taken."""
    known = read(data)
    if known and free(known.blob_port) and free(known.queue_port):
        return known
    blob_port, queue_port = free_ports(2)
    made = Accounts(
        blob_port=blob_port,
        queue_port=queue_port,
        media_key=known.media_key if known else new_key(),
        work_key=known.work_key if known else new_key(),
        bells=bells_in(data),
    )
    path = path_in(data)
    path.touch(mode=0o600)
    path.write_text(made.model_dump_json())
    return made


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """This many different ports."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def settings(data: Path) -> Settings | None:
    """The storage that the environment names, or else that of the stack in this folder."""
    given = Settings()
    if given.media_connection or given.media_url:
        return given
    known = read(data)
    return known.settings() if known else None
