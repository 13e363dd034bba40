"""Who cancelled, requeued, purged, granted or scaled, when and from where: `audit/2026-01.jsonl`.

Each line is appended to a blob of the month in the container `logs`, before the deed: what can't
be written down isn't done. Nothing deletes these blobs.
"""

import base64
import getpass
import json
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from shared.errors import ImpastoError, Unavailable
from shared.records import Record
from shared.settings import Settings
from shared.storage import Storage, identity
from shared.telemetry.redaction import redacted

FOLDER = "audit/"
LARGEST_BLOB = 1 << 30
#: The claims of a login's token that name a person or an application, the best first.
CLAIMS = ("upn", "unique_name", "appid", "oid")
SCOPE = "https://storage.azure.com/.default"


class Deed(Record):
    at: datetime
    #: The login's name, or of who has the account's key: the user of the machine.
    who: str
    #: The machine and its user.
    where: str
    deed: str
    #: The job, message, link or cluster.
    subject: str
    detail: dict[str, Any] = Field(default_factory=dict)


class Audit:
    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._logs = storage.container("logs")
        self._settings = settings

    def note(
        self,
        deed: str,
        subject: str,
        detail: Mapping[str, str | float] | None = None,
        who: str | None = None,
    ) -> None:
        """Write it down; `who` is known to a service that people log in to.

        Raises a StorageError, or Unavailable where the blob is full, if it can't be written.
        """
        now = datetime.now(UTC)
        user = user_name()
        line = Deed(
            at=now,
            who=who or (login_name() if self._settings.work_connection is None else user),
            where=f"{user}@{socket.gethostname()}",
            deed=deed,
            subject=subject,
            detail=dict(detail or {}),
        )
        text = redacted(line.model_dump_json()) + "\n"
        if not self._logs.append(f"{FOLDER}{now:%Y-%m}.jsonl", text.encode(), LARGEST_BLOB):
            raise Unavailable("the audit of this month is full")

    def deeds(self) -> list[Deed]:
        """All of them, the oldest first."""
        return [
            Deed.model_validate_json(line)
            for blob in self._logs.under(FOLDER)
            for line in self._logs.read(blob.name).splitlines()
        ]


def user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user has no name
        return f"uid {os.getuid()}"


def login_name() -> str:
    """Whom Azure knows as the caller; storage itself checks the token's signature."""
    token = identity().get_token(SCOPE).token
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise ImpastoError("the login's token has no name in it") from error
    return next((str(claims[name]) for name in CLAIMS if name in claims), "unknown")
