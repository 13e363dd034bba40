from pydantic import Field

from shared.azureml.connection import AzureMLSettings
from shared.batchai.connection import BatchAISettings
from shared.rayjobs import RaySettings


class DispatcherSettings(BatchAISettings, AzureMLSettings, RaySettings):
    """Those of every cluster that it may be told to use."""

    worker_image: str | None = Field(
        None, description="The container image that workers run in; empty: they run on the node."
    )
    worker_command: str = Field(
        "exec python -m services.scorer",
        description="What starts a worker on its node; `exec`, so that its exit code is the job's.",
    )
    worker_hours: float = Field(
        168,
        gt=0,
        le=366 * 24,
        description="How long one worker may run before its node ends it; a year at most.",
    )
    worker_logs: str = Field(
        "$AZ_BATCHAI_MOUNT_ROOT/logs", description="Where on a node workers' output is kept."
    )
    keep_ended_workers: int = Field(
        100,
        ge=1,
        le=10_000,
        description="How many ended workers' jobs and logs are kept, to look at them.",
    )
    lesson_workers: int = Field(
        4,
        ge=1,
        le=10_000,
        description="How many workers are started at most for paintings that wait to be learnt.",
    )
    worker_tries: int = Field(
        6,
        ge=1,
        le=10_000,
        description="How many workers in a row may fail before what waits for them fails.",
    )
    node_seconds: float = Field(
        1800,
        gt=0,
        le=366 * 24 * 3600,
        description="How long the cluster may give no node, or not answer, without a break and with"
        " nobody at work, before what waits for workers fails.",
    )
