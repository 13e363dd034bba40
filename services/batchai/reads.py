"""GET requests: find, list and count resources."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from services.batchai import operations
from services.batchai.http import Request, Response, number
from services.batchai.resources import BatchCluster, Experiment, Resource, Workspace
from services.batchai.service import BatchAI
from services.batchai.urls import EXPERIMENT, WORKSPACE
from services.batchai.views import resource_body
from shared.errors import RequestRefused

R = TypeVar("R", bound=Resource)
Handler = Callable[[Request], Response]
MOST_RESULTS, LARGEST = 1000, 10**9 - 1
MOST_CLUSTERS = 10_000


class Reads:
    def __init__(self, service: BatchAI) -> None:
        self._service = service
        self._store = service.store

    def find(self, kind: type[R], template: str, request: Request) -> R:
        resource = self._store.find(kind, template.format(**request.names))
        if resource is None:
            message = f"there is no such {kind.kind.lower()}"
            raise RequestRefused(404, f"{kind.kind}NotFound", message)
        return resource

    def get(self, kind: type[R], template: str) -> Handler:
        return lambda request: Response(200, resource_body(self.find(kind, template, request)))

    def list(self, kind: type[R], template: str) -> Handler:
        def handle(request: Request) -> Response:
            if "workspace" in request.names:
                self.find(Workspace, WORKSPACE, request)
            if "experiment" in request.names:
                self.find(Experiment, EXPERIMENT, request)
            prefix = f"{template.format(**request.names)}/"
            return page(request, [resource_body(each) for each in self._store.all(kind, prefix)])

        return handle

    def usages(self, request: Request) -> Response:
        prefix = f"/subscriptions/{request.names['subscription']}/"
        clusters = self._store.all(BatchCluster, prefix)
        nodes = sum(len(cluster.nodes) for cluster in clusters)
        counts = [
            ("Clusters", len(clusters), MOST_CLUSTERS),
            ("Nodes", nodes, self._service.node_quota),
        ]
        usages = [
            {
                "unit": "Count",
                "currentValue": count,
                "limit": limit,
                "name": {"value": name, "localizedValue": name},
            }
            for name, count, limit in counts
        ]
        return Response(200, {"value": usages})

    def operation(self, request: Request) -> Response:
        return operations.status(self._store, request)


def page(request: Request, items: list[dict[str, Any]]) -> Response:
    """`maxresults` items from `skip` on, and a link to the next page."""
    count = min(MOST_RESULTS, number(request.query, "maxresults", MOST_RESULTS, 1, LARGEST))
    start = number(request.query, "skip", 0, 0, LARGEST)
    body: dict[str, Any] = {"value": items[start : start + count]}
    if len(items) > start + count:
        query = urlencode({**request.query, "skip": start + count})
        body["nextLink"] = f"{request.base_url}{request.path}?{query}"
    return Response(200, body)
