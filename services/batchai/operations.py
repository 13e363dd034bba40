"""Long-running operations. Nothing is kept of them: an id says all, and the rest can be seen."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.batchai.paths import OPERATION
from services.batchai.records import Job, Record
from services.batchai.store import Store
from services.batchai.views import moment
from services.batchai.wire import Answer, Request
from shared.errors import RequestRefused


class Operation(NamedTuple):
    verb: str
    target: str
    began: float

    @property
    def id(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")

    @classmethod
    def of(cls, operation_id: str) -> "Operation":
        try:
            padded = operation_id + "=" * (-len(operation_id) % 4)
            verb, target, began = json.loads(base64.urlsafe_b64decode(padded))
            return cls(str(verb), str(target), float(began))
        except (ValueError, TypeError):
            raise RequestRefused(404, "OperationNotFound", "there is no such operation") from None


def accepted(request: Request, verb: str, record: Record, location: str) -> Answer:
    operation = Operation(verb, record.id, time.time())
    path = OPERATION.format(**request.at, location=location, operation=operation.id)
    where = f"{request.base}{path}?api-version={request.query['api-version']}"
    return Answer(202, headers={"azure-asyncoperation": where})


def result(store: Store, request: Request) -> Answer:
    operation = Operation.of(request.at["operation"])
    status = status_of(operation, store.find(Record, operation.target))
    body: dict[str, Any] = {
        "id": request.path,
        "name": operation.id,
        "status": status,
        "startTime": moment(datetime.fromtimestamp(operation.began, UTC)),
        "properties": {"resourceId": operation.target},
    }
    if status != "InProgress":
        body["endTime"] = moment(datetime.now(UTC))
    return Answer(200, body)


def status_of(operation: Operation, record: Record | None) -> str:
    if operation.verb == "delete":
        return "InProgress" if record and record.deleting else "Succeeded"
    if record is None:
        return "Failed"
    if operation.verb == "terminate" and isinstance(record, Job) and not record.over:
        return "InProgress"
    return "Succeeded"
