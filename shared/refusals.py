"""Describes what storage refused: the operation, the container or queue, and the account."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.errors import Forbidden
from shared.logs import logger

log = logger()
#: The same refusal is logged no more often.
LOG_AGAIN_SECONDS = 60.0
#: By the request's parameter `comp`, or its method and path.
OPERATIONS = {
    "list": "list",
    "lease": "claim blobs of",
    "batch": "delete from",
    "userdelegationkey": "get a key to sign links with for",
    "metadata": "count messages of",
    "GET messages": "receive from",
    "POST messages": "send to",
    "PUT messages": "renew a message's lease of",
    "DELETE messages": "delete a message of",
    "GET": "read from",
    "HEAD": "read from",
    "PUT": "write to",
    "DELETE": "delete from",
}


def is_refusal(error: AzureError) -> bool:
    """Whether storage, or the login to it, refused the request."""
    refused = isinstance(error, HttpResponseError) and error.status_code in (401, 403)
    return refused or isinstance(error, ClientAuthenticationError)


def forbidden(error: AzureError) -> Forbidden:
    code = getattr(error, "error_code", None) or type(error).__name__
    status = getattr(error, "status_code", None) or "no answer"
    why = " ".join(str(error.message).partition("RequestId:")[0].split())
    return Forbidden(f"not allowed to {operation_of(error)}: {code} ({status}): {why}")


def operation_of(error: AzureError) -> str:
    """What was requested, and where. The query isn't quoted, as it may hold a signature."""
    request = getattr(getattr(error, "response", None), "request", None)
    if request is None:
        return "log in"
    url = urlsplit(request.url)
    comp = parse_qs(url.query).get("comp", [""])[-1]
    account, name, rest = address(url.netloc, url.path)
    messages = rest.startswith("messages") and comp != "list"
    keys = (comp, f"{request.method} messages" if messages else request.method)
    operation = next((OPERATIONS[key] for key in keys if key in OPERATIONS), request.method)
    return f"{operation} {name or 'it'} in account {account}"


def address(host: str, path: str) -> tuple[str, str, str]:
    """Split a URL into account, container or queue, and the rest, on Azure and Azurite alike."""
    account, _, domain = host.partition(".")
    whole = path.strip("/")
    if domain.startswith(("blob.", "queue.")):
        whole = f"{account}/{whole}"
    account, _, inside = whole.partition("/")
    name, _, rest = inside.partition("/")
    return account, name, rest


def missing_place(error: AzureError) -> str | None:
    """A sentence, if the error is that a container or queue is missing; else None."""
    kind = {"ContainerNotFound": "container", "QueueNotFound": "queue"}.get(
        str(getattr(error, "error_code", "")).rpartition(".")[2]
    )
    request = getattr(getattr(error, "response", None), "request", None)
    if kind is None or request is None:
        return None
    url = urlsplit(request.url)
    account, name, _ = address(url.netloc, url.path)
    return f"the {kind} {name} isn't in account {account}; `impasto prepare` makes it"


class Refusals:
    """Logs each refusal, but not each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}

    def log(self, error: Forbidden) -> None:
        now, text = time.monotonic(), str(error)
        with self._lock:
            if now < self._logged_at.get(text, -LOG_AGAIN_SECONDS) + LOG_AGAIN_SECONDS:
                return
            self._logged_at[text] = now
        log.error("storage refused", error=text)


refusals = Refusals()
