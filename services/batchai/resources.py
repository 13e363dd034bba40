"""What a request does to a workspace, a cluster, an experiment or a job."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from services.batchai import operations
from services.batchai.limits import check
from services.batchai.paths import CLUSTER, EXPERIMENT, JOB, WORKSPACE
from services.batchai.records import (
    Cluster,
    ClusterProperties,
    Experiment,
    Job,
    JobProperties,
    Record,
    ScaleSettings,
    Workspace,
)
from services.batchai.service import BatchAI
from services.batchai.unsupported import check_cluster, check_job
from services.batchai.views import shown
from services.batchai.wire import Answer, Request, number
from shared.errors import RequestRefused

R = TypeVar("R", bound=Record)
MOST_RESULTS, LARGEST = 1000, 10**9 - 1
MOST_CLUSTERS = 10_000


class Resources:
    def __init__(self, service: BatchAI) -> None:
        self._service = service
        self._store = service.store

    def find(self, kind: type[R], template: str, request: Request) -> R:
        record = self._store.find(kind, template.format(**request.at))
        if record is None:
            what = kind.__name__
            raise RequestRefused(404, f"{what}NotFound", f"there is no such {what.lower()}")
        return record

    def get(self, kind: type[R], template: str) -> Callable[[Request], Answer]:
        return lambda request: Answer(200, shown(self.find(kind, template, request)))

    def list(self, kind: type[R], template: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            if "workspace" in request.at:
                self.find(Workspace, WORKSPACE, request)
            if "experiment" in request.at:
                self.find(Experiment, EXPERIMENT, request)
            under = f"{template.format(**request.at)}/"
            return page(request, [shown(record) for record in self._store.all(kind, under)])

        return answer

    def delete(self, kind: type[R], template: str) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            record = self._store.find(kind, template.format(**request.at))
            if record is None:
                return Answer(204)
            self._service.delete(record)
            return operations.accepted(request, "delete", record, self._location(request))

        return answer

    def put_workspace(self, request: Request) -> Answer:
        workspace_id = WORKSPACE.format(**request.at)
        given = Workspace.model_validate({**request.json(), "id": workspace_id})
        known = self._store.find(Workspace, workspace_id)
        return self._saved(known.model_copy(update={"tags": given.tags}) if known else given)

    def patch_workspace(self, request: Request) -> Answer:
        workspace = self.find(Workspace, WORKSPACE, request)
        changed = workspace.model_dump() | {"tags": request.json().get("tags")}
        return self._saved(Workspace.model_validate(changed))

    def put_experiment(self, request: Request) -> Answer:
        self._staying(Workspace, WORKSPACE, request)
        experiment_id = EXPERIMENT.format(**request.at)
        known = self._store.find(Experiment, experiment_id)
        return self._saved(known or Experiment(id=experiment_id))

    def put_cluster(self, request: Request) -> Answer:
        self._staying(Workspace, WORKSPACE, request)
        properties = properties_of(request)
        check_cluster(properties)
        cluster = Cluster(
            id=self._new(Cluster, CLUSTER, request),
            properties=ClusterProperties.model_validate(properties),
        )
        auto = cluster.properties.scale_settings.auto_scale
        for _ in range(min(auto.initial_node_count if auto else 0, self._service.free_nodes)):
            cluster.add_node()
        self._store.add(cluster)
        return operations.accepted(request, "create", cluster, self._location(request))

    def patch_cluster(self, request: Request) -> Answer:
        cluster = self.find(Cluster, CLUSTER, request).model_copy(deep=True)
        given = properties_of(request).get("scaleSettings")
        cluster.properties.scale_settings = ScaleSettings.model_validate(given)
        return self._saved(cluster)

    def put_job(self, request: Request) -> Answer:
        self._staying(Experiment, EXPERIMENT, request)
        job_id = self._new(Job, JOB, request)
        check_job(properties_of(request))
        properties = JobProperties.model_validate(properties_of(request))
        cluster = self._store.find(Cluster, properties.cluster.id)
        if cluster is None or cluster.deleting:
            raise RequestRefused(404, "ClusterNotFound", "there is no such cluster for the job")
        segment = (
            "{subscription}/{group}/workspaces/{workspace}/experiments/{experiment}/jobs/{job}"
        )
        job = Job(
            id=job_id,
            properties=properties,
            segment=f"{segment.format(**request.at)}/{uuid.uuid4()}",
        )
        check(job, self._service.places)
        self._store.add(job)
        return operations.accepted(request, "create", job, self._location(request))

    def terminate(self, request: Request) -> Answer:
        job = self.find(Job, JOB, request)
        self._service.terminate(job)
        return operations.accepted(request, "terminate", job, self._location(request))

    def fail_node(self, request: Request) -> Answer:
        if not self._service.fail_node(self.find(Job, JOB, request)):
            raise RequestRefused(409, "JobNotRunning", "the job is on no node")
        return Answer(200)

    def usages(self, request: Request) -> Answer:
        under = f"/subscriptions/{request.at['subscription']}/"
        clusters = self._store.all(Cluster, under)
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
        return Answer(200, {"value": usages})

    def operation(self, request: Request) -> Answer:
        return operations.result(self._store, request)

    def _staying(self, kind: type[R], template: str, request: Request) -> None:
        if self.find(kind, template, request).deleting:
            message = f"the {kind.__name__.lower()} is being deleted"
            raise RequestRefused(409, "ResourceBeingDeleted", message)

    def _new(self, kind: type[R], template: str, request: Request) -> str:
        record_id = template.format(**request.at)
        if self._store.find(kind, record_id):
            what = kind.__name__
            message = f"there is a {what.lower()} of that name already"
            raise RequestRefused(409, f"{what}AlreadyExists", message)
        return record_id

    def _saved(self, record: Record) -> Answer:
        self._store.add(record)
        return Answer(200, shown(record))

    def _location(self, request: Request) -> str:
        return self.find(Workspace, WORKSPACE, request).location


def properties_of(request: Request) -> dict[str, Any]:
    properties = request.json().get("properties")
    if not isinstance(properties, dict):
        raise RequestRefused(400, "InvalidRequestContent", "the body has no properties")
    return properties


def page(request: Request, items: list[dict[str, Any]]) -> Answer:
    """So many of them, and a link to the rest."""
    count = min(MOST_RESULTS, number(request.query, "maxresults", MOST_RESULTS, 1, LARGEST))
    start = number(request.query, "skip", 0, 0, LARGEST)
    body: dict[str, Any] = {"value": items[start : start + count]}
    if len(items) > start + count:
        query = urlencode({**request.query, "skip": start + count})
        body["nextLink"] = f"{request.base}{request.path}?{query}"
    return Answer(200, body)
