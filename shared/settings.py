"""Settings that more than one service needs: from the environment, or from `.env`."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="IMPASTO_",
        env_file=".env",
        env_parse_none_str="",  # set, but empty: none
        extra="ignore",
        frozen=True,
    )

    media_connection: SecretStr | None = Field(
        None, description="Connection string of the account that people bring videos to."
    )
    media_url: str | None = Field(
        None, description="That account's blob URL, to log in with a managed identity instead."
    )
    work_connection: SecretStr | None = Field(
        None, description="Connection string of the account that holds records, frames and queues."
    )
    work_url: str | None = Field(
        None, description="That account's blob URL, to log in with a managed identity instead."
    )
    work_queue_url: str | None = Field(
        None, description="Its queue URL, where it isn't the blob URL with `queue` for `blob`."
    )
    default_model: str = Field(
        "great-wave", description="The style of a video that names none by folder or metadata."
    )
    lease_seconds: float = Field(
        30, ge=1, description="How long a message stays with a worker that has gone silent."
    )
    max_attempts: int = Field(
        5, ge=1, description="How often a message is tried before it goes to poison."
    )
    retry_seconds: float = Field(
        1, gt=0, description="Delay before a failed message's second try; doubles from there."
    )
    retry_max_seconds: float = Field(60, gt=0, description="The longest delay between two tries.")
    idle_seconds: float = Field(
        2, ge=0.1, description="The longest pause between two looks at an empty queue."
    )
    drain_seconds: float = Field(
        0, ge=0, description="How long a service may go on after SIGTERM to finish what it holds."
    )
    grace_seconds: float = Field(
        0.5, ge=0, description="How long a handler that is told to let go has for that."
    )
    outage_seconds: float = Field(
        120, ge=0, description="How long a handler waits out storage that doesn't answer."
    )
    full_seconds: float = Field(
        3600, ge=0, description="How long a job waits for room on a full disk before it fails."
    )
    heartbeat: Path | None = Field(
        None, description="A file to touch for as long as the service's loop turns."
    )
    tied_to_stdin: bool = Field(
        False, description="Leave when standard input ends, so that nothing outlives its parent."
    )
    keep_intermediates: bool = Field(
        False, description="Keep a finished job's frames and segments, to look at them."
    )
    require_sandbox: bool = Field(
        False, description="Refuse to work where the system can't confine what opens files."
    )
    log_level: str = Field("info", description="The least serious log lines to print.")

    def own(self) -> dict[str, Any]:
        """What a service has beside these, as JSON: no account and no key."""
        return self.model_dump(mode="json", exclude=set(Settings.model_fields))


def describe_error(error: Exception) -> str:
    """Which settings make no sense, and why; not what they are, which may be secret."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"IMPASTO_{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}"
        for each in error.errors(include_input=False)
    )
