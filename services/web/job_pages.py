"""The pages of jobs: the live list, one job, and what can be done with it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.web.caller import Role
from services.web.desk import Desk, fields_of, job_in, must_be, to, unsure
from services.web.jobs_reader import Seen
from services.web.plots import timeline
from services.web.waiting import waits_for
from shared.control.job_lines import JobLines, Line
from shared.control.time_spent import time_spent
from shared.control.traces import trace_from
from shared.errors import Malformed, Missing
from shared.records import Job, Result
from shared.workloads import workload_called

ON_A_PAGE = 50
STATES = ("waiting", "running", "finished", "refused", "failed", "cancelled")
#: How long a link to a file works that the page shows or downloads.
LINK = timedelta(hours=6)
#: What is asked before what can't be undone.
QUESTIONS = {
    "cancel": "Cancel this job? What it has done is deleted.",
    "delete": "Delete this job with its input, its output and its log?",
}
#: The newest log lines that the page shows.
MOST_LINES = 500


class Wanted(NamedTuple):
    """What a list is to show."""

    text: str
    state: str
    model: str
    page: int
    #: Whether jobs that only try a model out are shown, and no others.
    previews: bool

    @classmethod
    def of(cls, request: Request) -> "Wanted":
        asked = request.query_params
        page = asked.get("page", "1")
        number = int(page) if page.isdecimal() and len(page) < 7 else 1
        state = asked.get("state", "")
        return cls(
            asked.get("q", "").strip().casefold(),
            state if state in STATES else "",
            asked.get("model", ""),
            max(1, number),
            "previews" in asked,
        )

    def fits(self, seen: Seen) -> bool:
        status = seen.status
        if self.previews != is_preview(seen):
            return False
        if self.state and status.state != self.state:
            return False
        if self.model and model_of(seen) != self.model:
            return False
        said = (status.job, status.source, status.output, status.model, status.reason)
        return not self.text or any(self.text in part.casefold() for part in said if part)


def model_of(seen: Seen) -> str:
    """The job's model; before it is opened, the folder that will name it."""
    return seen.status.model or (seen.status.source or "").partition("/")[0]


def is_preview(seen: Seen) -> bool:
    """Whether somebody only tried a model: its file is in the folder `previews` of the model."""
    return PurePosixPath(seen.status.source or "").parts[1:2] == ("previews",)


class JobPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/", self.listed),
            Route("/jobs/{job}", self.one),
            Route("/jobs/{job}/output", self.output),
            Route("/jobs/{job}/input", self.input),
            *(
                Route(f"/jobs/{{job}}/{name}", act, methods=["POST"])
                for name, act in {
                    "cancel": self.doing("cancel", self._desk.control.cancel),
                    "retry": self.doing("retry", self._desk.control.retry),
                    "delete": self.doing("delete", self._desk.control.delete),
                }.items()
            ),
        ]

    def listed(self, request: Request) -> Response:
        wanted = Wanted.of(request)
        state = self._desk.board.fresh()
        found = [seen for seen in state.jobs.values() if wanted.fits(seen)]
        first = (wanted.page - 1) * ON_A_PAGE
        counts = dict.fromkeys(STATES, 0)
        listed = [seen for seen in state.jobs.values() if not is_preview(seen)]
        for seen in listed:
            counts[seen.status.state] += 1
        return self._desk.fill(
            request,
            "jobs.html",
            wanted=wanted,
            seen=found[first : first + ON_A_PAGE],
            found=len(found),
            pages=-(-len(found) // ON_A_PAGE),
            counts=counts,
            listed=len(listed),
            previews=len(state.jobs) - len(listed),
            models=sorted({model_of(seen) for seen in state.jobs.values()} - {""}),
            model_of=model_of,
            waits_for=lambda seen: waits_for(seen, state),
        )

    def one(self, request: Request) -> Response:
        job = job_in(request)
        state = self._desk.board.fresh()
        # What was read before the last change isn't shown: no further event would correct it.
        version = state.versions.get("jobs", "")
        facts = self._desk.once(f"{job} {version}", lambda: self._facts(job))
        seen = state.jobs.get(job)
        waiting = waits_for(seen, state) if seen else ""
        return self._desk.fill(request, "job.html", seen=seen, waiting=waiting, **facts)

    def _facts(self, job: str) -> dict[str, Any]:
        status = self._desk.control.status(job)
        lines = JobLines(self._desk.storage, job).new()
        trace = trace_from(job, lines)
        handled = bool(trace.handlings)
        part = self._desk.pages.get(status.workload)
        view = part.of_job(status) if part else None
        return {
            "status": status,
            "record": self._record(job),
            "result": self._result(job),
            "timeline": timeline(trace) if handled else None,
            "spent": time_spent(trace, status.items) if handled else None,
            "view": f"{status.workload}/{view.template}" if view else None,
            "view_facts": view.facts if view else {},
            "lines": newest(lines),
            "questions": QUESTIONS,
        }

    def output(self, request: Request) -> Response:
        return RedirectResponse(self._desk.grants.to_output(job_in(request), LINK), 307)

    def input(self, request: Request) -> Response:
        """The job's source, where it is a blob."""
        status = self._desk.control.status(job_in(request))
        workload = workload_called(status.workload)
        if not status.source or not workload.announces_blobs:
            raise Missing(f"{status.job} has no file")
        return RedirectResponse(
            self._desk.grants.link(workload.input, status.source, "r", LINK), 307
        )

    def doing(self, deed: str, act: Callable[[str], None]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            must_be(Role.OPERATOR, request)
            job, fields = job_in(request), await fields_of(request)
            if deed in QUESTIONS and unsure(fields):
                # raises Missing if there is no such job
                await run_in_threadpool(self._desk.control.status, job)
                return self._desk.ask(request, QUESTIONS[deed], fields, f"/jobs/{job}")
            await run_in_threadpool(self._desk.act, request, deed, job, act)
            return to("/" if deed == "delete" else f"/jobs/{job}")

        return handle

    def _record(self, job: str) -> Job | None:
        with suppress(Malformed):
            return self._desk.jobs.find(job)
        return None

    def _result(self, job: str) -> Result | None:
        with suppress(Malformed):
            outcome = self._desk.jobs.outcome(job)
            return outcome if isinstance(outcome, Result) else None
        return None


class LogLine(NamedTuple):
    at: str
    level: str
    service: str
    event: str
    exception: str

    @classmethod
    def of(cls, line: Line) -> "LogLine":
        """Of a line that any process may have written."""
        names = ("timestamp", "level", "service", "event", "exception")
        return cls(*(str(line.get(name) or "") for name in names))


def newest(lines: list[Line]) -> list[LogLine]:
    return sorted(LogLine.of(line) for line in lines if "event" in line)[-MOST_LINES:]
