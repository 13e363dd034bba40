"""The page without its process: served on a free port, behind what looks like Azure's login."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from services.web.__main__ import bound
from services.web.app import application
from services.web.desk import Desk
from services.web.live import Live
from services.web.settings import WebSettings
from tests.support.azurite import Azurite


def behind_azures_login(azurite: Azurite) -> WebSettings:
    given = azurite.settings().model_dump(exclude_none=True)
    return WebSettings(**given, web_login="azure")


@contextmanager
def served(desk: Desk) -> Iterator[httpx.Client]:
    listener = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(desk, Live(desk.board)), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def login(*roles: str, name: str = "ann@example.com") -> dict[str, str]:
    """The headers of Azure's login."""
    claims = [{"typ": "roles", "val": role} for role in roles] + [{"typ": "name", "val": "Ann"}]
    principal = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    return {"X-MS-CLIENT-PRINCIPAL": principal, "X-MS-CLIENT-PRINCIPAL-NAME": name}
