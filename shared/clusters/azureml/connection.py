"""The settings of Azure Machine Learning, and the SDK's client of a workspace."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError
from pydantic import Field

from shared import plain_http
from shared.clusters.settings import AzureSettings, from_extra, require
from shared.errors import ClusterError
from shared.storage import identity

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

#: The SDK's names of the clouds, and the URLs of their Resource Managers.
CLOUDS = {
    "AzureCloud": "https://management.azure.com",
    "AzureUSGovernment": "https://management.usgovcloudapi.net",
    "AzureChinaCloud": "https://management.chinacloudapi.cn",
}
#: The cloud that belongs to a login authority, by the end of its host name.
AUTHORITIES = {"microsoftonline.us": "AzureUSGovernment", "chinacloudapi.cn": "AzureChinaCloud"}


class AzureMLSettings(AzureSettings):
    azureml_url: str | None = Field(
        None,
        description="The URL of Azure Resource Manager; empty: that of the cloud which"
        " `AZURE_AUTHORITY_HOST` logs in to.",
    )
    azureml_identity: str | None = Field(
        None,
        description="Resource id of the managed identity by which workers log in to storage;"
        " empty: the cluster's system-assigned one.",
    )
    azureml_subnet: str | None = Field(
        None, description="Resource id of the subnet of the nodes; empty: Azure's own network."
    )
    azureml_idle_seconds: int = Field(
        120, ge=60, description="How long a node may be idle before the cluster releases it."
    )
    azureml_look_seconds: float = Field(
        10, ge=0, description="How often the workers' state is polled; Azure limits requests."
    )


def connect(settings: AzureMLSettings) -> "MLClient":
    require(settings, "subscription", "resource_group", "workspace")
    with from_extra("azureml"):
        from azure.ai.ml import MLClient
    # It logs a warning for each of its own experimental classes.
    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
    return MLClient(
        identity(),
        settings.subscription,
        settings.resource_group,
        settings.workspace,
        enable_telemetry=False,
        show_progress=False,
        **cloud_options(settings.azureml_url),
        **plain_http.options("IMPASTO_AZUREML_URL", settings.azureml_url),
    )


def cloud() -> str:
    """The cloud that `AZURE_AUTHORITY_HOST` belongs to."""
    host = os.environ.get("AZURE_AUTHORITY_HOST", "").rstrip("/")
    return next((name for end, name in AUTHORITIES.items() if host.endswith(end)), "AzureCloud")


def resource_manager(settings: AzureMLSettings) -> str:
    return settings.azureml_url or CLOUDS[cloud()]


def cloud_options(url: str | None) -> dict[str, Any]:
    """The SDK's options for a cloud, or for a Resource Manager at another URL."""
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
def translated_errors() -> Iterator[None]:
    """Raise the SDK's errors as ClusterError, with one sentence."""
    try:
        yield
    except HttpResponseError as error:
        why = (error.message or "").partition("\n")[0]
        raise ClusterError(f"Azure Machine Learning refused: {why}") from error
    except AzureError as error:
        raise ClusterError(f"Azure Machine Learning doesn't answer: {error}") from error
