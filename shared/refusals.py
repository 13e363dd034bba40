"""What storage refused, in words: the operation, the container or queue, and the account."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.errors import Forbidden
from shared.logs import logger

log = logger()
#: The same refusal is logged again after so long.
SAY_AGAIN_SECONDS = 60.0
#: By the request's `comp`, its path's end, or its method.
OPERATIONS = {
    "list": "list",
    "lease": "claim blobs of",
    "batch": "delete from",
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
    """Whether storage, or whoever gives out tokens for it, doesn't let us."""
    refused = isinstance(error, HttpResponseError) and error.status_code in (401, 403)
    return refused or isinstance(error, ClientAuthenticationError)


def forbidden(error: AzureError) -> Forbidden:
    code = getattr(error, "error_code", None) or type(error).__name__
    status = getattr(error, "status_code", None) or "no answer"
    why = " ".join(str(error.message).partition("RequestId:")[0].split())
    return Forbidden(f"not allowed to {what_was_asked(error)}: {code} ({status}): {why}")


def what_was_asked(error: AzureError) -> str:
    """The operation and where; never the query as it is, which may hold a signature."""
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
    """The account, the container or queue, and the rest: Azurite has the account in the path."""
    account, _, domain = host.partition(".")
    whole = path.strip("/")
    if domain.startswith(("blob.", "queue.")):
        whole = f"{account}/{whole}"
    account, _, inside = whole.partition("/")
    name, _, rest = inside.partition("/")
    return account, name, rest


def isnt_there(error: AzureError) -> str | None:
    """Which container or queue, where it is one of these that is missing."""
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
    """Logs each refusal in full, and not each time that it is met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}

    def met(self, error: Forbidden) -> None:
        now, text = time.monotonic(), str(error)
        with self._lock:
            if now < self._said.get(text, -SAY_AGAIN_SECONDS) + SAY_AGAIN_SECONDS:
                return
            self._said[text] = now
        log.error("storage refused", error=text)


refusals = Refusals()
