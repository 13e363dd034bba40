"""Settings that all services have: from the environment, or from `.env`."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="IMPASTO_",
        env_file=".env",
        env_parse_none_str="",  # set but empty means none
        extra="ignore",
        frozen=True,
    )

    media_connection: SecretStr | None = Field(
        None, description="Connection string of the account with inputs and outputs."
    )
    media_url: str | None = Field(
        None, description="That account's blob URL, to log in with a managed identity instead."
    )
    work_connection: SecretStr | None = Field(
        None, description="Connection string of the account with records, frames and queues."
    )
    work_url: str | None = Field(
        None, description="That account's blob URL, to log in with a managed identity instead."
    )
    work_queue_url: str | None = Field(
        None, description="Its queue URL, if it isn't the blob URL with `queue` for `blob`."
    )
    default_model: str = Field(
        "great-wave", description="The style of a video whose folder and metadata name none."
    )
    lease_seconds: float = Field(
        30, ge=1, description="After how many seconds a dead worker's message is visible again."
    )
    max_attempts: int = Field(
        5, ge=1, description="How many attempts a message has before it goes to poison."
    )
    retry_seconds: float = Field(
        1, gt=0, description="Delay before a failed message's second attempt; it doubles each time."
    )
    retry_max_seconds: float = Field(
        60, gt=0, description="The longest delay between two attempts."
    )
    idle_seconds: float = Field(
        2, ge=0.1, description="The longest pause between two polls of an empty queue."
    )
    drain_seconds: float = Field(
        0, ge=0, description="How long a service may go on after SIGTERM to finish its message."
    )
    grace_seconds: float = Field(
        0.5, ge=0, description="How long a handler may take to stop when it is told to."
    )
    outage_seconds: float = Field(
        120, ge=0, description="How long a handler retries while storage doesn't answer."
    )
    full_seconds: float = Field(
        3600, ge=0, description="How long a job waits for room on a full disk before it fails."
    )
    heartbeat: Path | None = Field(
        None, description="A file that the service's loop touches in each turn."
    )
    health_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="A port that answers `/livez` and `/readyz`, for platforms whose probes are"
        " HTTP; needs `IMPASTO_HEARTBEAT`.",
    )
    tied_to_stdin: bool = Field(
        False, description="Leave when standard input ends, as it does when the parent exits."
    )
    keep_intermediates: bool = Field(
        False, description="Keep a finished job's frames and segments, for inspection."
    )
    require_sandbox: bool = Field(
        False, description="Refuse to work if the system can't sandbox what opens files."
    )
    log_level: str = Field("info", description="The least serious log lines to print.")

    def own(self) -> dict[str, Any]:
        """The settings that only this service has, as JSON: they hold no account and no key."""
        return self.model_dump(mode="json", exclude=set(Settings.model_fields))


def describe_error(error: Exception) -> str:
    """Which settings are invalid, and why. Doesn't quote the values, which may be secret."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"IMPASTO_{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}"
        for each in error.errors(include_input=False)
    )
