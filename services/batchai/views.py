"""Records as they go over the wire: with what only the service knows, without what is secret."""

from datetime import datetime
from typing import Any

from services.batchai.records import Cluster, Experiment, Job, NodeState, Record, Workspace
from services.batchai.troubles import lost

SECRET = {"accountkey", "password", "adminuserpassword", "instrumentationkey"}
NODE_STATES: tuple[NodeState, ...] = ("idle", "running", "preparing", "unusable", "leaving")


def shown(record: Record) -> dict[str, Any]:
    common: dict[str, Any] = {"id": record.id, "name": record.name, "type": type_of(record)}
    if isinstance(record, Workspace):
        common |= {"location": record.location, "tags": record.tags}
    properties = {
        "creationTime": moment(record.created),
        "provisioningState": "deleting" if record.deleting else "succeeded",
        "provisioningStateTransitionTime": moment(record.created),
    }
    if isinstance(record, Cluster | Job):
        sent = record.properties.model_dump(mode="json", by_alias=True, exclude_none=True)
        own = of_cluster(record) if isinstance(record, Cluster) else of_job(record)
        properties |= public(sent) | own
    return common | {"properties": properties}


def type_of(record: Record) -> str:
    kinds = {
        Workspace: "workspaces",
        Cluster: "workspaces/clusters",
        Experiment: "workspaces/experiments",
        Job: "workspaces/experiments/jobs",
    }
    return f"Microsoft.BatchAI/{kinds[type(record)]}"


def of_cluster(cluster: Cluster) -> dict[str, Any]:
    states = [node.state for node in cluster.nodes]
    moving = cluster.deleting or {"preparing", "leaving"} & set(states)
    return {
        "allocationState": "resizing" if moving else "steady",
        "allocationStateTransitionTime": moment(cluster.resized),
        "currentNodeCount": len(states),
        "nodeStateCounts": {f"{state}NodeCount": states.count(state) for state in NODE_STATES},
        "errors": [
            *cluster.errors,
            *(lost(node) for node in cluster.nodes if node.state == "unusable"),
        ],
    }


def of_job(job: Job) -> dict[str, Any]:
    return {
        "toolType": "custom",
        "jobOutputDirectoryPathSegment": job.segment,
        "executionState": job.state,
        "executionStateTransitionTime": moment(job.changed),
        "executionInfo": {
            "startTime": moment(job.started),
            "endTime": moment(job.ended),
            "exitCode": job.exit_code,
            "errors": job.errors,
        },
    }


def public(properties: dict[str, Any]) -> dict[str, Any]:
    """Without keys and passwords; of secrets, the names."""
    left: dict[str, Any] = {}
    for name, value in properties.items():
        if name == "secrets":
            left[name] = [{"name": secret["name"]} for secret in value]
        elif isinstance(value, dict):
            left[name] = public(value)
        elif isinstance(value, list):
            left[name] = [public(each) if isinstance(each, dict) else each for each in value]
        elif name.lower() not in SECRET:
            left[name] = value
    return left


def moment(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
