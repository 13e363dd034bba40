"""Lets Azure's SDKs use plain http with a local service."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.errors import Misconfigured


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """Allows each request to send its token over plain http."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options.setdefault("enforce_https", False)


def options(setting: str, address: str | None) -> dict[str, Any]:
    """Options for an SDK's client. Http is for this machine and for containers beside it only."""
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
