"""PUT, PATCH, DELETE and POST requests: create, change and delete resources."""

import uuid
from typing import Any, TypeVar

from services.batchai import operations
from services.batchai.http import Request, Response
from services.batchai.limits import check_limits
from services.batchai.properties import ClusterProperties, JobProperties, ScaleSettings
from services.batchai.reads import Handler, Reads
from services.batchai.resources import BatchCluster, BatchJob, Experiment, Resource, Workspace
from services.batchai.service import BatchAI
from services.batchai.unsupported import check_cluster, check_job
from services.batchai.urls import CLUSTER, EXPERIMENT, JOB, WORKSPACE
from services.batchai.views import resource_body
from shared.errors import RequestRefused

R = TypeVar("R", bound=Resource)
#: The part of a job's paths that no other job has.
SEGMENT = "{subscription}/{group}/workspaces/{workspace}/experiments/{experiment}/jobs/{job}"


class Writes:
    def __init__(self, service: BatchAI, reads: Reads) -> None:
        self._service = service
        self._store = service.store
        self._find = reads.find

    def put_workspace(self, request: Request) -> Response:
        workspace_id = WORKSPACE.format(**request.names)
        given = Workspace.model_validate({**request.json(), "id": workspace_id})
        known = self._store.find(Workspace, workspace_id)
        return self._stored(known.model_copy(update={"tags": given.tags}) if known else given)

    def patch_workspace(self, request: Request) -> Response:
        workspace = self._find(Workspace, WORKSPACE, request)
        changed = workspace.model_dump() | {"tags": request.json().get("tags")}
        return self._stored(Workspace.model_validate(changed))

    def put_experiment(self, request: Request) -> Response:
        self._require_parent(Workspace, WORKSPACE, request)
        experiment_id = EXPERIMENT.format(**request.names)
        known = self._store.find(Experiment, experiment_id)
        return self._stored(known or Experiment(id=experiment_id))

    def put_cluster(self, request: Request) -> Response:
        self._require_parent(Workspace, WORKSPACE, request)
        properties = properties_of(request)
        check_cluster(properties)
        cluster = BatchCluster(
            id=self._new_id(BatchCluster, CLUSTER, request),
            properties=ClusterProperties.model_validate(properties),
        )
        auto = cluster.properties.scale_settings.auto_scale
        for _ in range(min(auto.initial_node_count if auto else 0, self._service.free_nodes)):
            cluster.add_node()
        self._store.add(cluster)
        return self._accepted("create", cluster, request)

    def patch_cluster(self, request: Request) -> Response:
        cluster = self._find(BatchCluster, CLUSTER, request).model_copy(deep=True)
        given = properties_of(request).get("scaleSettings")
        cluster.properties.scale_settings = ScaleSettings.model_validate(given)
        return self._stored(cluster)

    def put_job(self, request: Request) -> Response:
        self._require_parent(Experiment, EXPERIMENT, request)
        job_id = self._new_id(BatchJob, JOB, request)
        check_job(properties_of(request))
        properties = JobProperties.model_validate(properties_of(request))
        cluster = self._store.find(BatchCluster, properties.cluster.id)
        if cluster is None or cluster.deleting:
            raise RequestRefused(404, "ClusterNotFound", "the job's cluster doesn't exist")
        segment = f"{SEGMENT.format(**request.names)}/{uuid.uuid4()}"
        job = BatchJob(id=job_id, properties=properties, segment=segment)
        check_limits(job, self._service.job_paths)
        self._store.add(job)
        return self._accepted("create", job, request)

    def delete(self, kind: type[R], template: str) -> Handler:
        def handle(request: Request) -> Response:
            resource = self._store.find(kind, template.format(**request.names))
            if resource is None:
                return Response(204)
            self._service.delete(resource)
            return self._accepted("delete", resource, request)

        return handle

    def terminate(self, request: Request) -> Response:
        job = self._find(BatchJob, JOB, request)
        self._service.terminate(job)
        return self._accepted("terminate", job, request)

    def fail_node(self, request: Request) -> Response:
        if not self._service.fail_node(self._find(BatchJob, JOB, request)):
            raise RequestRefused(409, "JobNotRunning", "the job is on no node")
        return Response(200)

    def _require_parent(self, kind: type[R], template: str, request: Request) -> None:
        if self._find(kind, template, request).deleting:
            message = f"the {kind.kind.lower()} is being deleted"
            raise RequestRefused(409, "ResourceBeingDeleted", message)

    def _new_id(self, kind: type[R], template: str, request: Request) -> str:
        new_id = template.format(**request.names)
        if self._store.find(kind, new_id):
            message = f"there is a {kind.kind.lower()} of that name already"
            raise RequestRefused(409, f"{kind.kind}AlreadyExists", message)
        return new_id

    def _stored(self, resource: Resource) -> Response:
        self._store.add(resource)
        return Response(200, resource_body(resource))

    def _accepted(self, verb: str, resource: Resource, request: Request) -> Response:
        location = self._find(Workspace, WORKSPACE, request).location
        return operations.accepted(request, verb, resource, location)


def properties_of(request: Request) -> dict[str, Any]:
    properties = request.json().get("properties")
    if not isinstance(properties, dict):
        raise RequestRefused(400, "InvalidRequestContent", "the body has no properties")
    return properties
