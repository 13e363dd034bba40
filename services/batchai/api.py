"""Routes of Batch AI's REST API, api-version 2018-05-01, and who may call them."""

from services.batchai.access import Authenticator
from services.batchai.http import Request, Response, Route, dispatch
from services.batchai.outputs import Outputs
from services.batchai.reads import Reads
from services.batchai.resources import BatchCluster, BatchJob, Experiment, Workspace
from services.batchai.service import BatchAI
from services.batchai.unsupported import refuse_all
from services.batchai.urls import (
    CLUSTER,
    EXPERIMENT,
    FILE,
    GROUP,
    JOB,
    LOCATION,
    OPERATION,
    PROVIDER,
    SUBSCRIPTION,
    WORKSPACE,
)
from services.batchai.writes import Writes
from shared.errors import RequestRefused

API_VERSION = "2018-05-01"


class Api:
    def __init__(self, service: BatchAI, authenticator: Authenticator) -> None:
        self._service = service
        self._authenticator = authenticator
        read = Reads(service)
        write = Writes(service, read)
        outputs = Outputs(service, read, authenticator)
        all_workspaces = f"{SUBSCRIPTION}{PROVIDER}/workspaces"
        self._routes = [
            Route("GET", all_workspaces, read.list(Workspace, SUBSCRIPTION)),
            Route("GET", f"{GROUP}/workspaces", read.list(Workspace, GROUP)),
            Route("PUT", WORKSPACE, write.put_workspace),
            Route("GET", WORKSPACE, read.get(Workspace, WORKSPACE)),
            Route("PATCH", WORKSPACE, write.patch_workspace),
            Route("DELETE", WORKSPACE, write.delete(Workspace, WORKSPACE)),
            Route("GET", f"{WORKSPACE}/clusters", read.list(BatchCluster, WORKSPACE)),
            Route("PUT", CLUSTER, write.put_cluster),
            Route("GET", CLUSTER, read.get(BatchCluster, CLUSTER)),
            Route("PATCH", CLUSTER, write.patch_cluster),
            Route("DELETE", CLUSTER, write.delete(BatchCluster, CLUSTER)),
            Route("GET", f"{WORKSPACE}/experiments", read.list(Experiment, WORKSPACE)),
            Route("PUT", EXPERIMENT, write.put_experiment),
            Route("GET", EXPERIMENT, read.get(Experiment, EXPERIMENT)),
            Route("DELETE", EXPERIMENT, write.delete(Experiment, EXPERIMENT)),
            Route("GET", f"{EXPERIMENT}/jobs", read.list(BatchJob, EXPERIMENT)),
            Route("PUT", JOB, write.put_job),
            Route("GET", JOB, read.get(BatchJob, JOB)),
            Route("DELETE", JOB, write.delete(BatchJob, JOB)),
            Route("POST", f"{JOB}/terminate", write.terminate),
            Route("POST", f"{JOB}/listOutputFiles", outputs.list),
            Route("GET", f"{JOB}/listOutputFiles", outputs.list),
            Route("GET", FILE, outputs.fetch),
            Route("GET", OPERATION, read.operation),
            Route("GET", f"{LOCATION}/usages", read.usages),
            *(
                Route(method, f"{WORKSPACE}/fileServers{rest}", refuse_all("fileServers"))
                for method in ("GET", "PUT", "DELETE")
                for rest in ("", "/{server}")
            ),
            *(
                Route("POST", f"{each}/listRemoteLoginInformation", refuse_all("remote login"))
                for each in (CLUSTER, JOB)
            ),
            # Azure has no such call: for tests, it fails the node that the job runs on.
            Route("POST", f"{JOB}/failNode", write.fail_node),
        ]

    def handle(self, request: Request) -> Response:
        if self._authenticator.is_token_request(request):
            return self._authenticator.issue_token(request)
        if not self._authenticator.has_valid_signature(request):
            self._authenticator.require_token(request)
            if request.query.get("api-version") != API_VERSION:
                raise RequestRefused(
                    400, "InvalidApiVersionParameter", f"the api-version must be {API_VERSION}"
                )
        with self._service.lock:
            response = dispatch(self._routes, request)
            if request.method != "GET":
                self._service.advance()
        return response
