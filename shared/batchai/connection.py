"""Which cluster is meant, and the SDK's client for the Batch AI that it is in."""

import ipaddress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from pydantic import Field

from shared.errors import Misconfigured
from shared.settings import Settings
from shared.storage import identity

if TYPE_CHECKING:
    from azure.mgmt.batchai import BatchAI


class ClusterSettings(Settings):
    batchai_url: str | None = Field(
        None, description="Where Batch AI answers, if that isn't Azure: the local one's URL."
    )
    subscription: str = Field("impasto", description="The subscription that the cluster is in.")
    resource_group: str = Field("impasto", description="The resource group that it is in.")
    workspace: str = Field("impasto", description="The Batch AI workspace that it is in.")
    cluster_name: str = Field("painters", description="The cluster's name.")
    experiment: str = Field("scoring", description="The experiment that workers' jobs belong to.")
    location: str = Field("local", description="The Azure region, such as `westeurope`.")
    vm_size: str = Field("STANDARD_NC6S_V3", description="The size of a node.")
    vm_priority: Literal["dedicated", "lowpriority"] = Field(
        "dedicated", description="Whether nodes may be taken away again, and cost less."
    )
    nodes: int = Field(1, ge=1, le=10_000, description="How many workers the cluster may have.")
    poll_seconds: float = Field(
        1, gt=0, description="How often a long operation is asked whether it is done."
    )


def connect(settings: ClusterSettings) -> "BatchAI":
    from azure.mgmt.batchai import BatchAI

    options: dict[str, Any] = {"per_call_policies": [AllowHttp()]} if local(settings) else {}
    return BatchAI(
        identity(),
        settings.subscription,
        settings.batchai_url,
        polling_interval=settings.poll_seconds,
        # Who is refused a connection asks again later anyhow, and has other things to do meanwhile.
        retry_connect=0,
        retry_total=3,
        connection_timeout=5,
        **options,
    )


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """The SDK sends no token over plain http, unless each request says that it may."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options.setdefault("enforce_https", False)


def local(settings: ClusterSettings) -> bool:
    """Whether it is plain http to this machine, or to a neighbour in the same compose file."""
    if settings.batchai_url is None:
        return False
    url = urlsplit(settings.batchai_url)
    if url.scheme == "https":
        return False
    host = url.hostname or ""
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = bool(host) and "." not in host
    if not near:
        raise Misconfigured(f"IMPASTO_BATCHAI_URL is {settings.batchai_url}: that needs https")
    return True
