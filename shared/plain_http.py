"""Plain http to a service that Azure's SDKs would only speak https with: a local one."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.errors import Misconfigured


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """The SDKs send no token over plain http, unless each request says that it may."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options.setdefault("enforce_https", False)


def options(setting: str, address: str | None) -> dict[str, Any]:
    """For an SDK's client: http only to this machine, or a neighbour in the same compose file."""
    if address is None:
        return {}
    url = urlsplit(address)
    if url.scheme == "https":
        return {}
    host = url.hostname or ""
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = bool(host) and "." not in host
    if not near:
        raise Misconfigured(f"{setting} is {address}: that needs https")
    return {"per_call_policies": [AllowHttp()]}
