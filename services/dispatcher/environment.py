"""What a worker is told: every setting that this dispatcher was told and that isn't its own.

And who it is, to log in to storage as: Azure's own variables.
"""

from collections.abc import Mapping
from typing import NamedTuple

from dotenv import dotenv_values
from pydantic import SecretStr

from services.dispatcher.settings import DispatcherSettings
from shared.settings import Settings

PREFIX, ENV_FILE = "IMPASTO_", ".env"
#: What tells `DefaultAzureCredential` who one is; and how the names end of what is secret of it.
IDENTITY, SECRETS = "AZURE_", ("SECRET", "PASSWORD")
#: Its node ends it, not an input that ends; and sees that it runs, not a file.
NOT_FOR_WORKERS = {"tied_to_stdin", "heartbeat", "batchai_secret"} | (
    DispatcherSettings.model_fields.keys() - Settings.model_fields.keys()
)


class WorkerEnvironment(NamedTuple):
    plain: dict[str, str]
    secret: dict[str, str]


def for_workers(settings: DispatcherSettings, environment: Mapping[str, str]) -> WorkerEnvironment:
    """From the environment and `.env`, which a worker doesn't have in its folder."""
    plain = {
        name: value or ""
        for name, value in {**dotenv_values(ENV_FILE), **environment}.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in NOT_FOR_WORKERS
    }
    secret: dict[str, str] = {}
    for name, value in environment.items():
        if name.startswith(IDENTITY) and value:
            (secret if name.endswith(SECRETS) else plain)[name] = value
    for field in settings.model_fields_set - NOT_FOR_WORKERS:
        value, name = getattr(settings, field), f"{PREFIX}{field.upper()}"
        if isinstance(value, SecretStr):
            plain.pop(name, None)
            secret[name] = value.get_secret_value()
        elif value is not None:
            plain[name] = str(value)
    return WorkerEnvironment(plain, secret)
