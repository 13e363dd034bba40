"""Every request that is answered, a line each: Batch AI's api-version 2018-05-01."""

from services.batchai.access import Gate
from services.batchai.outputs import Outputs
from services.batchai.paths import (
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
from services.batchai.records import Cluster, Experiment, Job, Workspace
from services.batchai.resources import Resources
from services.batchai.service import BatchAI
from services.batchai.unsupported import refusing
from services.batchai.wire import Answer, Request, Route, dispatch
from shared.errors import RequestRefused

API_VERSION = "2018-05-01"


class Api:
    def __init__(self, service: BatchAI, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        do = Resources(service)
        outputs = Outputs(service, do, gate)
        self._routes = [
            Route("GET", f"{SUBSCRIPTION}{PROVIDER}/workspaces", do.list(Workspace, SUBSCRIPTION)),
            Route("GET", f"{GROUP}/workspaces", do.list(Workspace, GROUP)),
            Route("PUT", WORKSPACE, do.put_workspace),
            Route("GET", WORKSPACE, do.get(Workspace, WORKSPACE)),
            Route("PATCH", WORKSPACE, do.patch_workspace),
            Route("DELETE", WORKSPACE, do.delete(Workspace, WORKSPACE)),
            Route("GET", f"{WORKSPACE}/clusters", do.list(Cluster, WORKSPACE)),
            Route("PUT", CLUSTER, do.put_cluster),
            Route("GET", CLUSTER, do.get(Cluster, CLUSTER)),
            Route("PATCH", CLUSTER, do.patch_cluster),
            Route("DELETE", CLUSTER, do.delete(Cluster, CLUSTER)),
            Route("GET", f"{WORKSPACE}/experiments", do.list(Experiment, WORKSPACE)),
            Route("PUT", EXPERIMENT, do.put_experiment),
            Route("GET", EXPERIMENT, do.get(Experiment, EXPERIMENT)),
            Route("DELETE", EXPERIMENT, do.delete(Experiment, EXPERIMENT)),
            Route("GET", f"{EXPERIMENT}/jobs", do.list(Job, EXPERIMENT)),
            Route("PUT", JOB, do.put_job),
            Route("GET", JOB, do.get(Job, JOB)),
            Route("DELETE", JOB, do.delete(Job, JOB)),
            Route("POST", f"{JOB}/terminate", do.terminate),
            Route("POST", f"{JOB}/listOutputFiles", outputs.list),
            Route("GET", f"{JOB}/listOutputFiles", outputs.list),
            Route("GET", FILE, outputs.fetch),
            Route("GET", OPERATION, do.operation),
            Route("GET", f"{LOCATION}/usages", do.usages),
            *(
                Route(method, f"{WORKSPACE}/fileServers{rest}", refusing("fileServers"))
                for method in ("GET", "PUT", "DELETE")
                for rest in ("", "/{server}")
            ),
            *(
                Route("POST", f"{each}/listRemoteLoginInformation", refusing("remote login"))
                for each in (CLUSTER, JOB)
            ),
            # Only here, not in Azure: the node that the job is on fails.
            Route("POST", f"{JOB}/failNode", do.fail_node),
        ]

    def answer(self, request: Request) -> Answer:
        if self._gate.asks_identity(request):
            return self._gate.identity(request)
        if not self._gate.signed(request):
            self._gate.check(request)
            if request.query.get("api-version") != API_VERSION:
                raise RequestRefused(
                    400, "InvalidApiVersionParameter", f"the api-version here is {API_VERSION}"
                )
        with self._service.lock:
            answer = dispatch(self._routes, request)
            if request.method != "GET":
                self._service.advance()
        return answer
