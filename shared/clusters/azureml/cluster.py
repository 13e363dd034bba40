"""Calls to Azure Machine Learning for one AmlCompute cluster."""

from typing import TYPE_CHECKING, Any

from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest

from shared import plain_http
from shared.clusters.azureml.connection import (
    AzureMLSettings,
    connect,
    resource_manager,
    translated_errors,
)
from shared.clusters.state import ClusterState
from shared.storage import identity

if TYPE_CHECKING:
    from azure.ai.ml.entities import AmlCompute, IdentityConfiguration

NOT_FOUND = 404
API_VERSION = "2024-10-01"
TIERS = {"dedicated": "dedicated", "lowpriority": "low_priority"}
#: JSON as Azure sends it.
Facts = dict[str, Any]


class AzureMLCluster:
    def __init__(self, settings: AzureMLSettings) -> None:
        self._settings = settings
        self._client = connect(settings)
        self._raw = raw_client(settings)
        self._url = (
            f"{resource_manager(settings)}/subscriptions/{settings.subscription}"
            f"/resourceGroups/{settings.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{settings.workspace}"
            f"/computes/{settings.cluster_name}"
        )
        #: Of the nodes' identity, unless it is the system-assigned one.
        self.client_id: str | None = None

    def ensure(self) -> None:
        """Create the cluster unless it exists; set the highest node count."""
        state = self.state()
        if state is None or state.maximum != self._settings.nodes:
            self.scale(0, self._settings.nodes)

    def scale(self, minimum: int, maximum: int) -> None:
        with translated_errors():
            compute = self._compute(minimum, maximum)
            self._client.compute.begin_create_or_update(compute).result()

    def delete(self) -> None:
        with translated_errors():
            self._client.compute.begin_delete(self._settings.cluster_name).result()

    def state(self) -> ClusterState | None:
        """None if the cluster doesn't exist. The SDK's model leaves out most of the state."""
        with translated_errors():
            answer = self._raw.send_request(
                HttpRequest("GET", self._url, params={"api-version": API_VERSION})
            )
            if answer.status_code == NOT_FOUND:
                return None
            answer.raise_for_status()
        facts = answer.json()
        self.client_id = client_id_of(facts)
        return state_of(facts)

    def close(self) -> None:
        self._raw.close()

    def _compute(self, minimum: int, maximum: int) -> "AmlCompute":
        from azure.ai.ml import entities

        settings = self._settings
        subnet = settings.azureml_subnet
        return entities.AmlCompute(
            name=settings.cluster_name,
            size=settings.vm_size,
            tier=TIERS[settings.vm_priority],
            min_instances=minimum,
            max_instances=maximum,
            idle_time_before_scale_down=settings.azureml_idle_seconds,
            network_settings=entities.NetworkSettings(subnet=subnet) if subnet else None,
            identity=identity_of_nodes(settings.azureml_identity),
        )


def identity_of_nodes(resource_id: str | None) -> "IdentityConfiguration":
    from azure.ai.ml import entities

    if resource_id is None:
        return entities.IdentityConfiguration(type="system_assigned")
    given = entities.ManagedIdentityConfiguration(resource_id=resource_id)
    return entities.IdentityConfiguration(type="user_assigned", user_assigned_identities=[given])


def raw_client(settings: AzureMLSettings) -> "PipelineClient[Any, Any]":
    url = resource_manager(settings)
    local = plain_http.options("IMPASTO_AZUREML_URL", settings.azureml_url)
    return PipelineClient(
        url,
        policies=[
            *local.get("per_call_policies", []),
            RetryPolicy(retry_total=3, retry_connect=0),
            BearerTokenCredentialPolicy(identity(), f"{url}/.default"),
        ],
    )


def state_of(facts: Facts) -> ClusterState:
    compute: Facts = facts["properties"]
    nodes: Facts = compute.get("properties") or {}
    scale: Facts = nodes.get("scaleSettings") or {}
    counts: Facts = nodes.get("nodeStateCounts") or {}
    errors = [*(compute.get("provisioningErrors") or []), *(nodes.get("errors") or [])]

    def count(state: str) -> int:
        return counts.get(f"{state}NodeCount") or 0

    return ClusterState(
        name=facts["name"],
        allocation=(nodes.get("allocationState") or compute["provisioningState"]).lower(),
        vm_size=nodes.get("vmSize"),
        minimum=scale.get("minNodeCount") or 0,
        maximum=scale.get("maxNodeCount") or 0,
        nodes=nodes.get("currentNodeCount") or 0,
        idle=count("idle"),
        running=count("running"),
        preparing=count("preparing"),
        leaving=count("leaving"),
        unusable=count("unusable"),
        errors=[error["error"]["message"] for error in errors],
    )


def client_id_of(facts: Facts) -> str | None:
    given: Facts = (facts.get("identity") or {}).get("userAssignedIdentities") or {}
    return next((str(one["clientId"]) for one in given.values() if one.get("clientId")), None)
