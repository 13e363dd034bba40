"""Long-running operations. Nothing is stored: an operation's id says what was requested, and the
resource's state says whether that is done."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.batchai.http import Request, Response
from services.batchai.resources import BatchJob, Resource
from services.batchai.store import Store
from services.batchai.urls import OPERATION, quoted_path
from services.batchai.views import iso_time
from shared.errors import RequestRefused


class Operation(NamedTuple):
    verb: str
    target: str
    began: datetime

    @property
    def id(self) -> str:
        fields = json.dumps([self.verb, self.target, self.began.timestamp()])
        return base64.urlsafe_b64encode(fields.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, operation_id: str) -> "Operation":
        try:
            padded = operation_id + "=" * (-len(operation_id) % 4)
            verb, target, began = json.loads(base64.urlsafe_b64decode(padded))
            return cls(str(verb), str(target), datetime.fromtimestamp(float(began), UTC))
        except (ValueError, TypeError, RecursionError, OverflowError):
            raise RequestRefused(404, "OperationNotFound", "there is no such operation") from None


def accepted(request: Request, verb: str, resource: Resource, location: str) -> Response:
    operation = Operation(verb, resource.id, datetime.now(UTC))
    path = quoted_path(OPERATION, **request.names, location=location, operation=operation.id)
    url = f"{request.base_url}{path}?api-version={request.query['api-version']}"
    return Response(202, headers={"azure-asyncoperation": url})


def status(store: Store, request: Request) -> Response:
    operation = Operation.of(request.names["operation"])
    state = state_of(operation, store.find(Resource, operation.target))
    body: dict[str, Any] = {
        "id": request.path,
        "name": operation.id,
        "status": state,
        "startTime": iso_time(operation.began),
        "properties": {"resourceId": operation.target},
    }
    if state != "InProgress":
        body["endTime"] = iso_time(datetime.now(UTC))
    return Response(200, body)


def state_of(operation: Operation, resource: Resource | None) -> str:
    if operation.verb == "delete":
        return "InProgress" if resource and resource.deleting else "Succeeded"
    if resource is None:
        return "Failed"
    if operation.verb == "terminate" and isinstance(resource, BatchJob) and not resource.over:
        return "InProgress"
    return "Succeeded"
