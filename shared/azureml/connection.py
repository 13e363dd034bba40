"""Which workspace is meant, and the SDK's client of it."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError
from pydantic import Field

from shared import plain_http
from shared.clusters import AzureSettings, from_extra, require
from shared.errors import ClusterError
from shared.storage import identity

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

#: The clouds, as the SDK calls them, and where their Resource Managers answer.
CLOUDS = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}
#: Which cloud is meant, by the end of the authority that logs in to it.
AUTHORITIES = {"microsoftonline.us": "AzureUSGovernment", "chinacloudapi.cn": "AzureChinaCloud"}


class AzureMLSettings(AzureSettings):
    azureml_url: str | None = Field(
        None,
        description="Where Azure Resource Manager answers; empty: where that of the cloud does"
        " which `AZURE_AUTHORITY_HOST` logs in to.",
    )
    azureml_identity: str | None = Field(
        None,
        description="Resource id of the managed identity that workers log in to storage with;"
        " empty: one that is the cluster's own.",
    )
    azureml_subnet: str | None = Field(
        None, description="Resource id of the subnet that nodes are in; empty: Azure's own network."
    )
    azureml_idle_seconds: int = Field(
        120, ge=60, description="How long a node may be idle before it is let go."
    )
    azureml_look_seconds: float = Field(
        10, ge=0, description="How often it is asked what became of workers; it counts requests."
    )


def connect(settings: AzureMLSettings) -> "MLClient":
    require(settings, "subscription", "resource_group", "workspace")
    with from_extra("azureml"):
        from azure.ai.ml import MLClient
    # What it prints of its own experimental classes is of no use to whoever reads our log.
    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
    return MLClient(
        identity(),
        settings.subscription,
        settings.resource_group,
        settings.workspace,
        enable_telemetry=False,
        show_progress=False,
        **elsewhere(settings.azureml_url),
        **plain_http.options("IMPASTO_AZUREML_URL", settings.azureml_url),
    )


def cloud() -> str:
    """By the variable that tells `DefaultAzureCredential` where to log in."""
    host = os.environ.get("AZURE_AUTHORITY_HOST", "").rstrip("/")
    return next((name for end, name in AUTHORITIES.items() if host.endswith(end)), "AzureCloud")


def resource_manager(settings: AzureMLSettings) -> str:
    return settings.azureml_url or CLOUDS[cloud()]


def elsewhere(url: str | None) -> dict[str, Any]:
    """How the SDK is told of a cloud, or of a Resource Manager that it doesn't know."""
    if url is None:
        return {"cloud": cloud()}
    roles = (
        "azure_portal",
        "resource_manager",
        "active_directory",
        "aml_resource_id",
        "storage_endpoint",
        "registry_discovery_endpoint",
    )
    return {"cloud": url, "cloud_metadata": dict.fromkeys(roles, url)}


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What the SDK raises, as our own error with one sentence."""
    try:
        yield
    except HttpResponseError as error:
        why = (error.message or "").partition("\n")[0]
        raise ClusterError(f"Azure Machine Learning refused: {why}") from error
    except AzureError as error:
        raise ClusterError(f"Azure Machine Learning doesn't answer: {error}") from error
