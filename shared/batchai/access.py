"""How to reach a Batch AI that runs on this machine."""

from pathlib import Path
from typing import Self
from urllib.request import Request, urlopen

from pydantic import BaseModel

IDENTITY_PATH = "/identity/token"


class Access(BaseModel):
    """Kept by it in a file that only its owner may read."""

    host: str
    port: int
    identity_header: str
    token: str
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

    def answers(self) -> bool:
        """Whether it is that Batch AI, and no other, which answers there."""
        asked = Request(f"{self.url}{IDENTITY_PATH}")
        asked.add_header("X-IDENTITY-HEADER", self.identity_header)
        try:
            with urlopen(asked, timeout=5) as answer:
                return self.token in answer.read().decode()
        except OSError:
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
