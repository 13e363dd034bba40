"""The address and the secrets of a local Batch AI, kept in its folder."""

import hashlib
import hmac
import json
import re
import secrets
import time
from pathlib import Path
from typing import Self
from urllib.request import Request, urlopen

from pydantic import BaseModel

IDENTITY_PATH = "/identity/token"
TOKEN_SECONDS = 3600
TOKEN = re.compile(r"([0-9]{1,12})\.([-\w]{1,64})\.([0-9a-f]{64})", re.ASCII)


class Access(BaseModel):
    """Stored in a file that only its owner may read."""

    host: str
    port: int
    identity_header: str
    signing_key: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """For a process that logs in with `DefaultAzureCredential`."""
        return {
            "IMPASTO_BATCHAI_URL": self.url,
            "IDENTITY_ENDPOINT": f"{self.url}{IDENTITY_PATH}",
            "IDENTITY_HEADER": self.identity_header,
        }

    def token(self, seconds: float = TOKEN_SECONDS) -> str:
        """A bearer token, which stays valid when the server restarts."""
        claim = f"{int(time.time() + seconds)}.{secrets.token_urlsafe(16)}"
        return f"{claim}.{self.signature(claim)}"

    def admits(self, token: str) -> bool:
        found = TOKEN.fullmatch(token)
        if not found:
            return False
        expires, nonce, signature = found.groups()
        ours = hmac.compare_digest(signature, self.signature(f"{expires}.{nonce}"))
        return ours and int(expires) > time.time()

    def signature(self, text: str) -> str:
        return hmac.new(self.signing_key.encode(), text.encode(), hashlib.sha256).hexdigest()

    def answers(self) -> bool:
        """Whether this Batch AI answers at the address, and not another server."""
        asked = Request(f"{self.url}{IDENTITY_PATH}")
        asked.add_header("X-IDENTITY-HEADER", self.identity_header)
        try:
            with urlopen(asked, timeout=5) as answer:
                given = json.loads(answer.read(10_000))
                return self.admits(given["access_token"])
        except (OSError, ValueError, TypeError, KeyError):
            return False

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        path = folder / "access.json"
        return cls.model_validate_json(path.read_text()) if path.exists() else None

    def write(self, folder: Path) -> None:
        part = folder / "access.part"
        part.touch(mode=0o600)
        part.write_text(self.model_dump_json())
        part.rename(folder / "access.json")
