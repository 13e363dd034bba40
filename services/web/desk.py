"""What every handler needs: storage, the state, templates, and who may do what."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.web.board import Board
from services.web.caller import Caller, Callers, Role
from services.web.once import Once
from services.web.render import Templates
from services.web.settings import WebSettings
from shared import names
from shared.control.grants import Grants
from shared.control.job_control import JobControl
from shared.control.poison import Entry, PoisonQueues
from shared.errors import Forbidden, ImpastoError, Missing, Refused, Unavailable, Unprepared
from shared.jobs import Jobs
from shared.pages import Pages
from shared.storage import Storage
from shared.telemetry.audit import Audit
from shared.workload import Workload
from shared.workloads import installed

#: The status of an answer by the error; the first that fits.
STATUS = ((Missing, 404), (Refused, 409), (Forbidden, 502), (Unprepared, 502), (Unavailable, 503))


class Desk:
    def __init__(self, storage: Storage, settings: WebSettings) -> None:
        self.storage, self.settings = storage, settings
        self.board = Board(storage, settings)
        self.callers = Callers(settings)
        self.control, self.jobs = JobControl(storage), Jobs(storage)
        self.poison = PoisonQueues(storage)
        self.grants = Grants(settings, settings.web_media_url)
        self.pages = pages_of_workloads(storage)
        self.templates = Templates(self.pages)
        self.once = Once()
        self._audit = Audit(storage, settings)

    def fill(self, request: Request, template: str, code: int = 200, **facts: Any) -> Response:
        """A page, or a part of one."""
        caller: Caller | None = getattr(request.state, "caller", None)
        common = {
            "caller": caller,
            "code": code,
            "may": lambda role: caller is not None and caller.role >= Role[role],
            "state": self.board.state,
            "menu": self.menu(),
            "droppable": [name for name, part in self.pages.items() if part.drop],
            "here": request.url.path,
            "now": datetime.now(UTC),
        }
        return HTMLResponse(self.templates.fill(template, common | facts), code)

    def ask(
        self, request: Request, question: str, fields: Mapping[str, list[str]], back: str
    ) -> Response:
        """The question before what can't be undone, for browsers whose script didn't ask it."""
        kept = [(name, value) for name, values in fields.items() for value in values]
        return self.fill(request, "sure.html", question=question, fields=kept, back=back)

    def act(self, request: Request, deed: str, job: str, act: Callable[[str], None]) -> None:
        """Write down who does what to a job, and do it. Raises Missing if there is no such job."""
        self.control.status(job)
        self.note(request, deed, job)
        act(job)
        self.changed()

    def changed(self) -> None:
        """Somebody has changed something: nothing that was read before is shown again."""
        self.once.forget()
        self.board.look_again()

    def menu(self) -> list[tuple[str, str]]:
        return [
            (title, f"/w/{name}/{path}")
            for name, part in self.pages.items()
            for title, path in part.menu.items()
        ]

    def note(self, request: Request, deed: str, subject: str, **detail: str | float) -> None:
        """Write down who is about to do what."""
        self._audit.note(deed, subject, detail, request.state.caller.name)

    def noting(
        self, request: Request, deed: str, ids: set[str], every: bool
    ) -> Callable[[Entry], bool]:
        """Whether a message is chosen; each that is gets written down before it is settled."""

        def chosen(entry: Entry) -> bool:
            if not every and entry.id not in ids:
                return False
            self.note(request, deed, entry.id, queue=entry.queue, job=entry.job or "")
            return True

        return chosen


def pages_of_workloads(storage: Storage) -> dict[str, Pages]:
    found: dict[str, Pages] = {}
    for name, workload in installed().items():
        if part := workload.pages(storage):
            found[name] = part
    return found


def taking_files(name: str) -> Workload:
    """A workload whose jobs begin with a file. Raises Missing if there is none of the name."""
    workload = installed().get(name)
    if workload is None or not workload.announces_blobs:
        raise Missing(f"no workload called {name} takes files")
    return workload


def job_in(request: Request) -> str:
    """The job that the path names. Raises Missing for what no job is called."""
    job = str(request.path_params["job"])
    if not re.fullmatch(names.JOB_PATTERN, job):
        raise Missing(f"there is no job called {names.shown(job)}")
    return job


def status_of(error: ImpastoError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def unsure(fields: Mapping[str, list[str]]) -> bool:
    """Whether a form that can't be undone was sent before its question was answered."""
    return fields.get("sure") != ["yes"]


async def fields_of(request: Request) -> dict[str, list[str]]:
    """A form's fields. Starlette's own parser would need another package."""
    return parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=1000)


def to(path: str) -> Response:
    return RedirectResponse(path, 303)


def must_be(role: Role, request: Request) -> None:
    """Raise NotAllowed for callers of lesser roles."""
    caller: Caller = request.state.caller
    if caller.role < role:
        raise NotAllowed(f"this needs the role {role.name.lower()}")


class NotAllowed(ImpastoError):
    """The caller's role doesn't allow it."""
