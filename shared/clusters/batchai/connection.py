"""The settings of Batch AI, and the SDK's client."""

from typing import TYPE_CHECKING

from pydantic import Field

from shared import plain_http
from shared.clusters.settings import AzureSettings
from shared.storage import identity

if TYPE_CHECKING:
    from azure.mgmt.batchai import BatchAI


class BatchAISettings(AzureSettings):
    batchai_url: str | None = Field(
        None, description="The URL of a local Batch AI; empty: Azure's."
    )
    location: str = Field("local", description="The Azure region, such as `westeurope`.")
    poll_seconds: float = Field(
        1, gt=0, le=3600, description="How often the state of a long operation is polled."
    )


def connect(settings: BatchAISettings) -> "BatchAI":
    from azure.mgmt.batchai import BatchAI

    return BatchAI(
        identity(),
        settings.subscription,
        settings.batchai_url,
        polling_interval=settings.poll_seconds,
        # After a refused connection the dispatcher tries again later, and has other work meanwhile.
        retry_connect=0,
        retry_total=3,
        connection_timeout=5,
        **plain_http.options("IMPASTO_BATCHAI_URL", settings.batchai_url),
    )
