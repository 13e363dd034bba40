from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.clusters.azureml.connection import AzureMLSettings
from shared.clusters.azureml.pool import AzureMLPool
from tests.integration.azureml.fake import FakeAzureML

WHERE: dict[str, Any] = {"subscription": "sub", "resource_group": "art", "workspace": "studio"}
IDENTITY = (
    "/subscriptions/sub/resourceGroups/art/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/painter"
)
SUBNET = (
    "/subscriptions/01234567-89ab-cdef-0123-456789abcdef/resourceGroups/art/providers"
    "/Microsoft.Network/virtualNetworks/house/subnets/studio"
)
STORAGE = {
    "media_url": "https://media.blob.core.windows.net",
    "work_url": "https://work.blob.core.windows.net",
}
Make = Callable[..., AzureMLPool]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzureML]:
    """A fake that clients log in to with a managed identity."""
    fake = FakeAzureML()
    for name, value in {
        "IDENTITY_ENDPOINT": f"{fake.url}/token",
        "IDENTITY_HEADER": "mine",
        "IMPASTO_AZUREML_URL": fake.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(
        "AZUREML_CURRENT_CLOUD", raising=False
    )  # the SDK sets it to the cloud of the last client
    yield fake
    fake.close()


@pytest.fixture
def make(fake: FakeAzureML) -> Iterator[Make]:
    made = []

    def make(**changes: Any) -> AzureMLPool:
        defaults = {
            "cluster": "azureml",
            "nodes": 3,
            "worker_image": "registry.example/scorer:1",
            "azureml_look_seconds": 0,
        }
        settings = AzureMLSettings(**{**WHERE, **STORAGE, **defaults, **changes})
        made.append(AzureMLPool(settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()
