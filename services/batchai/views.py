"""Response bodies of resources: what the client sent, without secrets, and the current state."""

from datetime import datetime
from typing import Any

from services.batchai.job_errors import node_unusable
from services.batchai.resources import (
    BatchCluster,
    BatchJob,
    Experiment,
    NodeState,
    Resource,
    Workspace,
)

SECRET = {"accountkey", "password", "adminuserpassword", "instrumentationkey"}
TYPES: dict[type[Resource], str] = {
    Workspace: "workspaces",
    BatchCluster: "workspaces/clusters",
    Experiment: "workspaces/experiments",
    BatchJob: "workspaces/experiments/jobs",
}
NODE_STATES: tuple[NodeState, ...] = ("idle", "running", "preparing", "unusable", "leaving")


def resource_body(resource: Resource) -> dict[str, Any]:
    common: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "type": f"Microsoft.BatchAI/{TYPES[type(resource)]}",
    }
    if isinstance(resource, Workspace):
        common |= {"location": resource.location, "tags": resource.tags}
    properties = {
        "creationTime": iso_time(resource.created),
        "provisioningState": "deleting" if resource.deleting else "succeeded",
        "provisioningStateTransitionTime": iso_time(resource.created),
    }
    if isinstance(resource, BatchCluster | BatchJob):
        sent = resource.properties.model_dump(mode="json", by_alias=True, exclude_none=True)
        own = cluster_state(resource) if isinstance(resource, BatchCluster) else job_state(resource)
        properties |= without_secrets(sent) | own
    return common | {"properties": properties}


def cluster_state(cluster: BatchCluster) -> dict[str, Any]:
    states = [node.state for node in cluster.nodes]
    moving = cluster.deleting or {"preparing", "leaving"} & set(states)
    return {
        "allocationState": "resizing" if moving else "steady",
        "allocationStateTransitionTime": iso_time(cluster.resized),
        "currentNodeCount": len(states),
        "nodeStateCounts": {f"{state}NodeCount": states.count(state) for state in NODE_STATES},
        "errors": [
            *cluster.errors,
            *(node_unusable(node) for node in cluster.nodes if node.state == "unusable"),
        ],
    }


def job_state(job: BatchJob) -> dict[str, Any]:
    return {
        "toolType": "custom",
        "jobOutputDirectoryPathSegment": job.segment,
        "executionState": job.state,
        "executionStateTransitionTime": iso_time(job.changed),
        "executionInfo": {
            "startTime": iso_time(job.started),
            "endTime": iso_time(job.ended),
            "exitCode": job.exit_code,
            "errors": job.errors,
        },
    }


def without_secrets(properties: dict[str, Any]) -> dict[str, Any]:
    """Without keys and passwords, and with only the names of secrets."""
    visible: dict[str, Any] = {}
    for name, value in properties.items():
        if name == "secrets":
            visible[name] = [{"name": secret["name"]} for secret in value]
        elif isinstance(value, dict):
            visible[name] = without_secrets(value)
        elif isinstance(value, list):
            visible[name] = [
                without_secrets(each) if isinstance(each, dict) else each for each in value
            ]
        elif name.lower() not in SECRET:
            visible[name] = value
    return visible


def iso_time(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
