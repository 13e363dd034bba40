"""The address of a stack's web page, with the token to log in, kept in the stack's folder."""

import secrets
import socket
import time
from pathlib import Path

from pydantic import BaseModel

from services.console.accounts import HOST, free, free_ports

ANSWER_SECONDS = 20.0


class WebAccess(BaseModel):
    port: int
    token: str

    @property
    def origins(self) -> list[str]:
        """From which its pages send files to storage."""
        return [f"http://{HOST}:{self.port}", f"http://localhost:{self.port}"]

    @property
    def address(self) -> str:
        return f"{self.origins[0]}/?token={self.token}"

    def environment(self) -> dict[str, str]:
        return {"IMPASTO_WEB_PORT": str(self.port), "IMPASTO_WEB_TOKEN": self.token}

    def wait(self) -> bool:
        """Wait until the page answers; return whether it did."""
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.1)
        return False


def make(data: Path) -> WebAccess:
    """Read this folder's, or create it. The port changes only if it is taken."""
    path = data / "web.json"
    known = WebAccess.model_validate_json(path.read_text()) if path.exists() else None
    if known and free(known.port):
        return known
    [port] = free_ports(1)
    made = WebAccess(port=port, token=known.token if known else secrets.token_urlsafe(24))
    path.touch(mode=0o600)
    path.write_text(made.model_dump_json())
    return made
