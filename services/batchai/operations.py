"""Long-running operations. Nothing is kept of them: an id says all, and the rest can be seen."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.batchai.paths import OPERATION, path_of
from services.batchai.records import Job, Record
from services.batchai.store import Store
from services.batchai.views import moment
from services.batchai.wire import Answer, Request
from shared.errors import RequestRefused


class Operation(NamedTuple):
    verb: str
    target: str
    began: datetime

    @property
    def id(self) -> str:
        said = json.dumps([self.verb, self.target, self.began.timestamp()])
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, operation_id: str) -> "Operation":
        try:
            padded = operation_id + "=" * (-len(operation_id) % 4)
            verb, target, began = json.loads(base64.urlsafe_b64decode(padded))
            return cls(str(verb), str(target), datetime.fromtimestamp(float(began), UTC))
        except (ValueError, TypeError, RecursionError, OverflowError):
            raise RequestRefused(404, "OperationNotFound", "there is no such operation") from None


def accepted(request: Request, verb: str, record: Record, location: str) -> Answer:
    operation = Operation(verb, record.id, datetime.now(UTC))
    path = path_of(OPERATION, **request.at, location=location, operation=operation.id)
    where = f"{request.base}{path}?api-version={request.query['api-version']}"
    return Answer(202, headers={"azure-asyncoperation": where})


def result(store: Store, request: Request) -> Answer:
    operation = Operation.of(request.at["operation"])
    status = status_of(operation, store.find(Record, operation.target))
    body: dict[str, Any] = {
        "id": request.path,
        "name": operation.id,
        "status": status,
        "startTime": moment(operation.began),
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
