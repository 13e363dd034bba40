"""Settings that all services have: from the environment, or from `.env`."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
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
        None, description="Connection string of the account with records, shards and queues."
    )
    work_url: str | None = Field(
        None, description="That account's blob URL, to log in with a managed identity instead."
    )
    work_queue_url: str | None = Field(
        None, description="Its queue URL, if it isn't the blob URL with `queue` for `blob`."
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
    bells: Path | None = Field(
        None,
        description="A folder by which services on one machine wake each other, so that idle ones"
        " ask less often.",
    )
    heartbeat: Path | None = Field(
        None, description="A file that the service's loop touches in each turn."
    )
    health_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="A port that answers `/metrics`, `/livez` and `/readyz`; 0 chooses a free one,"
        " which every log line names.",
    )
    health_address: str = Field(
        "127.0.0.1",
        description="The address of that port; `0.0.0.0` where a platform's probes or Prometheus"
        " come from outside.",
    )
    handler_seconds: float = Field(
        900,
        gt=0,
        description="How long a handler may make no progress, such as a request to storage, before"
        " the service counts as hung.",
    )
    otlp_endpoint: str | None = Field(
        None,
        description="The URL of an OpenTelemetry collector's HTTP receiver, such as"
        " `http://collector:4318`, for traces and metrics.",
    )
    otlp_seconds: float = Field(
        60, gt=0, description="How often metrics are sent to that collector."
    )
    log_metrics_seconds: float = Field(
        0, ge=0, description="How often the measured metrics are logged, for alerts; 0: never."
    )
    trace_share: float = Field(
        1, ge=0, le=1, description="The share of jobs whose traces are exported."
    )
    job_log_days: float = Field(
        7,
        ge=0,
        description="How long the log and the trace of each job are kept in the container `logs`;"
        " 0 keeps none.",
    )
    tied_to_stdin: bool = Field(
        False, description="Leave when standard input ends, as it does when the parent exits."
    )
    keep_intermediates: bool = Field(
        False, description="Keep a finished job's shards and segments, for inspection."
    )
    require_sandbox: bool = Field(
        False, description="Refuse to work if the system can't sandbox what opens files."
    )
    applicationinsights_connection_string: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "applicationinsights_connection_string",
            "IMPASTO_APPLICATIONINSIGHTS_CONNECTION_STRING",  # as workers get it
        ),
        description="Azure Monitor's, for traces and metrics; needs the extra `azuremonitor`.",
    )
    log_level: str = Field("info", description="The least serious log lines to print.")

    def secrets(self) -> list[str]:
        """The values of all settings that are secret."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

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
