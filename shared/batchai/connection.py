"""Which Batch AI is meant, and the SDK's client of it."""

from typing import TYPE_CHECKING

from pydantic import Field

from shared import plain_http
from shared.clusters import AzureSettings
from shared.storage import identity

if TYPE_CHECKING:
    from azure.mgmt.batchai import BatchAI


class BatchAISettings(AzureSettings):
    batchai_url: str | None = Field(
        None, description="Where Batch AI answers, if that isn't Azure: the local one's URL."
    )
    location: str = Field("local", description="The Azure region, such as `westeurope`.")
    poll_seconds: float = Field(
        1, gt=0, le=3600, description="How often a long operation is asked whether it is done."
    )


def connect(settings: BatchAISettings) -> "BatchAI":
    from azure.mgmt.batchai import BatchAI

    return BatchAI(
        identity(),
        settings.subscription,
        settings.batchai_url,
        polling_interval=settings.poll_seconds,
        # Who is refused a connection asks again later anyhow, and has other things to do meanwhile.
        retry_connect=0,
        retry_total=3,
        connection_timeout=5,
        **plain_http.options("IMPASTO_BATCHAI_URL", settings.batchai_url),
    )
