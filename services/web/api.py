"""The JSON API, `/api/v1`: the same objects that `impasto … --json` prints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.web.caller import Role
from services.web.desk import Desk, job_in, must_be
from services.web.openapi import Operation, Ran, document
from services.web.uploads import Dropped, Submitted, Upload, UploadAsked, Uploads
from shared.clusters.state import ClusterView, ReplicasView
from shared.clusters.table import chosen
from shared.control.grants import LONGEST_HOURS, Grant
from shared.control.job_lines import JobLines
from shared.control.listing import Listing
from shared.control.model_view import ModelView, view_of
from shared.control.poison import Entry
from shared.control.status import Status
from shared.control.time_spent import Told, time_spent
from shared.control.traces import trace_from
from shared.models import Models
from shared.settings import describe_error
from shared.telemetry.audit import Audit, Deed

PREFIX = "/api/v1"
MOST_JOBS = 500


class Chosen(BaseModel):
    """Which poisoned messages: by their ids, or all of them."""

    ids: list[str] = Field([], max_length=10_000)
    all: bool = False


class Counted(BaseModel):
    count: int


class GrantAsked(BaseModel):
    job: str = Field(max_length=63)
    hours: int = Field(24, ge=1, le=LONGEST_HOURS)


class Api:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._uploads = Uploads(desk)
        self._operations = self._all()
        self._document = document(PREFIX, self._operations)

    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}/openapi.json", lambda _request: JSONResponse(self._document)),
            *(
                Route(f"{PREFIX}{each.path}", self._answering(each), methods=[each.method])
                for each in self._operations
            ),
        ]

    def _all(self) -> list[Operation]:
        view, upload, operate = Role.VIEWER, Role.UPLOADER, Role.OPERATOR
        cluster: Any = ClusterView | ReplicasView
        return [
            Operation("GET", "/jobs", "The newest jobs", view, self._jobs, list[Status]),
            Operation("GET", "/jobs/{job}", "One job", view, self._job, Status),
            Operation("GET", "/jobs/{job}/trace", "Who did what for it", view, self._trace, Told),
            Operation("GET", "/jobs/{job}/log", "Its log lines", view, self._log, list[Any]),
            Operation("POST", "/jobs/{job}/cancel", "Cancel it", operate, self._cancel, Status),
            Operation("POST", "/jobs/{job}/retry", "Continue it", operate, self._retry, Status),
            Operation("DELETE", "/jobs/{job}", "Delete all of it", operate, self._delete, Counted),
            Operation("GET", "/poison", "Poison: the first", view, self._poison, list[Entry]),
            Operation(
                "POST",
                "/poison/requeue",
                "Requeue them",
                operate,
                self._requeue,
                Counted,
                Chosen,
            ),
            Operation("POST", "/poison/purge", "Purge them", operate, self._purge, Counted, Chosen),
            Operation("GET", "/cluster", "Nodes and workers", view, self._cluster, cluster),
            Operation("GET", "/models", "The models in use", view, self._models, list[ModelView]),
            Operation("GET", "/audit", "Who did what", operate, self._audit, list[Deed]),
            Operation(
                "POST", "/uploads", "A link for a file", upload, self._begin, Upload, UploadAsked
            ),
            Operation(
                "POST", "/uploads/done", "Announce it", upload, self._finish, Submitted, Dropped
            ),
            Operation(
                "POST", "/grants", "A link to an output", view, self._grant, Grant, GrantAsked
            ),
        ]

    def _answering(self, operation: Operation) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            must_be(operation.role, request)
            body = None
            if operation.takes:
                try:
                    body = operation.takes.model_validate_json(await request.body())
                except ValidationError as error:
                    return JSONResponse({"error": describe_error(error)}, 422)
            result = await run_in_threadpool(operation.run, request, body)
            return Response(operation.dump(result), media_type="application/json")

        return answer

    def _jobs(self, request: Request, _: Ran) -> list[Status]:
        asked = request.query_params
        most, page = (positive(asked.get(n, str(d))) for n, d in (("most", 50), ("page", 1)))
        return Listing(self._desk.storage).page(page, min(most, MOST_JOBS))

    def _job(self, request: Request, _: Ran) -> Status:
        return self._desk.control.status(job_in(request))

    def _trace(self, request: Request, _: Ran) -> Told:
        job = job_in(request)
        found = trace_from(job, JobLines(self._desk.storage, job).require_some())
        known = self._desk.jobs.find(job)
        return Told(trace=found, summary=time_spent(found, known.items if known else 0))

    def _log(self, request: Request, _: Ran) -> list[dict[str, Any]]:
        lines = JobLines(self._desk.storage, job_in(request)).require_some()
        told = [line for line in lines if "event" in line]
        return sorted(told, key=lambda line: str(line.get("timestamp", "")))

    def _cancel(self, request: Request, _: Ran) -> Status:
        return self._do(request, "cancel", self._desk.control.cancel)

    def _retry(self, request: Request, _: Ran) -> Status:
        return self._do(request, "retry", self._desk.control.retry)

    def _delete(self, request: Request, _: Ran) -> Counted:
        self._desk.act(request, "delete", job_in(request), self._desk.control.delete)
        return Counted(count=1)

    def _do(self, request: Request, deed: str, act: Callable[[str], None]) -> Status:
        job = job_in(request)
        self._desk.act(request, deed, job, act)
        return self._desk.control.status(job)

    def _poison(self, _request: Request, _: Ran) -> list[Entry]:
        return self._desk.poison.first().entries

    def _requeue(self, request: Request, chosen: Chosen) -> Counted:
        return self._settle(request, "requeue", chosen, self._desk.poison.requeue)

    def _purge(self, request: Request, chosen: Chosen) -> Counted:
        return self._settle(request, "purge", chosen, self._desk.poison.purge)

    def _settle(
        self,
        request: Request,
        deed: str,
        wanted: Chosen,
        act: Callable[[Callable[[Entry], bool]], int],
    ) -> Counted:
        return Counted(count=act(self._desk.noting(request, deed, set(wanted.ids), wanted.all)))

    def _cluster(self, _request: Request, _: Ran) -> ClusterView | ReplicasView:
        return chosen().view(Path(), self._desk.settings)

    def _models(self, _request: Request, _: Ran) -> list[ModelView]:
        return [view_of(blob) for blob in Models(self._desk.storage).all()]

    def _audit(self, _request: Request, _: Ran) -> list[Deed]:
        return Audit(self._desk.storage, self._desk.settings).deeds()

    def _begin(self, _request: Request, asked: UploadAsked) -> Upload:
        return self._uploads.begin(asked)

    def _finish(self, _request: Request, dropped: Dropped) -> Submitted:
        return self._uploads.finish(dropped)

    def _grant(self, request: Request, asked: GrantAsked) -> Grant:
        granted = self._desk.grants.download(asked.job, asked.hours)
        self._desk.note(request, "grant download", granted.blob, until=granted.until.isoformat())
        return granted


def positive(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1
