"""Refuses what the real service supports and this one doesn't, instead of ignoring it."""

from collections.abc import Callable
from typing import Any

from services.batchai.http import Request, Response
from shared.errors import RequestRefused

TOOLKITS = (
    "cntkSettings",
    "pyTorchSettings",
    "tensorFlowSettings",
    "caffeSettings",
    "caffe2Settings",
    "chainerSettings",
    "customMpiSettings",
    "horovodSettings",
)
IN_JOB = (
    *TOOLKITS,
    "mountVolumes",
    "containerSettings.shmSize",
    "containerSettings.imageSourceRegistry.serverUrl",
    "containerSettings.imageSourceRegistry.credentials",
)
IN_CLUSTER = ("nodeSetup.setupTask", "nodeSetup.mountVolumes")


def check_job(properties: dict[str, Any]) -> None:
    """Raises `RequestRefused`, which names the field."""
    refuse(properties, IN_JOB)
    nodes = properties.get("nodeCount")
    if isinstance(nodes, int) and nodes > 1:
        raise unsupported("nodeCount of more than 1")


def check_cluster(properties: dict[str, Any]) -> None:
    """Raises `RequestRefused`, which names the field."""
    refuse(properties, IN_CLUSTER)


def refuse_all(what: str) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        raise unsupported(what)

    return handle


def refuse(properties: dict[str, Any], fields: tuple[str, ...]) -> None:
    for field in fields:
        value: object = properties
        for name in field.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value or (value is not None and field in TOOLKITS):
            raise unsupported(field)


def unsupported(what: str) -> RequestRefused:
    return RequestRefused(400, "NotSupported", f"the local Batch AI doesn't support {what}")
