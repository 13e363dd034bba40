"""The settings of the web service."""

from typing import Literal

from pydantic import Field, SecretStr

from shared.settings import Settings


class WebSettings(Settings):
    web_address: str = Field(
        "127.0.0.1", description="The address to listen on; `0.0.0.0` in a container."
    )
    web_port: int = Field(8090, ge=0, le=65535, description="The port to listen on.")
    web_hosts: str = Field(
        "127.0.0.1 localhost [::1]",
        description="The names by which browsers reach the page, without ports, with spaces"
        " between them; requests to other names are refused.",
    )
    web_login: Literal["token", "azure"] = Field(
        "token",
        description="Who lets people in: the token below, or Azure's own login in front of the"
        " service. Only set `azure` where nothing else can reach the service.",
    )
    web_token: SecretStr | None = Field(
        None, description="What people log in with, in the page's address. `impasto up` makes one."
    )
    web_session_hours: float = Field(12, gt=0, description="How long a login lasts.")
    web_jobs: int = Field(
        1000, ge=1, description="How many of the newest jobs the page lists and searches."
    )
    web_media_url: str | None = Field(
        None,
        description="The blob URL of the account with inputs and outputs as browsers reach it, if"
        " that isn't where the service does.",
    )
