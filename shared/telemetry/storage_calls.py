"""Counts the answers of storage by operation and status, and takes them as progress."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from azure.core.pipeline import PipelineResponse
from prometheus_client import Counter

from shared.telemetry.metrics import STORAGE_REQUESTS
from shared.telemetry.progress import progress

#: By the request's method, and its parameter `comp` if it has one.
BLOB = {
    "GET": "read blob",
    "HEAD": "find blob",
    "PUT": "write blob",
    "DELETE": "delete blob",
    "GET list": "list blobs",
    "PUT lease": "claim blob",
    "PUT block": "write blob",
    "PUT blocklist": "write blob",
    "PUT appendblock": "append to blob",
    "POST batch": "delete blob",
}
QUEUE = {
    "GET": "receive message",
    "POST": "send message",
    "PUT": "renew message",
    "DELETE": "delete message",
    "GET metadata": "count messages",
}
#: As Azure prices requests; all requests for messages have one price.
PRICED = {
    "read blob": "reads",
    "find blob": "reads",
    "delete blob": "reads",
    "write blob": "writes",
    "list blobs": "writes",
    "claim blob": "writes",
    "append to blob": "writes",
}
#: By this process so far.
requests_sent = {"reads": 0, "writes": 0, "queues": 0}


def noting(operations: dict[str, str]) -> Callable[[Any], None]:
    """The SDK's `raw_response_hook` for a client of blobs or of queues."""

    def note(response: PipelineResponse[Any, Any]) -> None:
        request = response.http_request
        operation = operation_of(request.method, request.url)
        status = str(response.http_response.status_code)
        named = operations.get(operation, "other")
        counter(named, status).inc()
        requests_sent[PRICED.get(named, "queues")] += 1
        progress.step()

    return note


def operation_of(method: str, url: str) -> str:
    query = url.partition("?")[2]
    for parameter in query.split("&"):
        if parameter.startswith("comp="):
            return f"{method} {parameter[5:]}"
    return method


@lru_cache
def counter(operation: str, status: str) -> Counter:
    return STORAGE_REQUESTS.labels(operation, status)
