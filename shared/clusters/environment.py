"""The environment of a worker: this service's settings, except those of its cluster.

Azure's own variables, by which a worker logs in to storage, are passed on as well.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from dotenv import dotenv_values
from pydantic import SecretStr

from shared.clusters.settings import WorkerSettings
from shared.clusters.table import backends
from shared.settings import Settings

PREFIX, ENV_FILE = "IMPASTO_", ".env"
#: The variables of `DefaultAzureCredential`, and the endings of those that hold secrets.
IDENTITY, SECRETS = "AZURE_", ("SECRET", "PASSWORD")
#: A worker has no parent's standard input, and no health check asks it.
NOT_FOR_WORKERS = frozenset(
    {"tied_to_stdin", "heartbeat", "health_port", "health_address", "batchai_secret"}
)
#: Where services have an HTTP port, a worker has a free one, of its node's own address: several may
#: be on a node, and networks of nodes may be open.
ANY_PORT = {f"{PREFIX}HEALTH_PORT": "0"}


@cache
def withheld() -> frozenset[str]:
    """The settings that workers don't get; those of every cluster are among them."""
    of_clusters = {field for backend in backends() for field in backend.settings.model_fields}
    return NOT_FOR_WORKERS | (of_clusters - Settings.model_fields.keys())


class WorkerEnvironment(NamedTuple):
    plain: dict[str, str]
    secret: dict[str, str]


def for_workers(settings: WorkerSettings, environment: Mapping[str, str]) -> WorkerEnvironment:
    """From the settings, the environment and `.env`, which a worker doesn't have in its folder."""
    plain = {
        name: value or ""
        for name, value in {**dotenv_values(ENV_FILE), **environment}.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in withheld()
    }
    secret: dict[str, str] = {}
    for name, value in environment.items():
        if name.startswith(IDENTITY) and value:
            (secret if name.endswith(SECRETS) else plain)[name] = value
    for field in settings.model_fields_set - withheld():
        value, name = getattr(settings, field), f"{PREFIX}{field.upper()}"
        if isinstance(value, SecretStr):
            plain.pop(name, None)
            secret[name] = value.get_secret_value()
        elif value is not None:
            plain[name] = str(value)
    if settings.health_port is not None:
        plain |= ANY_PORT
    return WorkerEnvironment(plain, secret)
