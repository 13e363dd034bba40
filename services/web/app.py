"""The ASGI application: routes, errors, and what goes around all of them."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from services.web.api import Api
from services.web.desk import Desk, NotAllowed, status_of
from services.web.desk_pages import DeskPages
from services.web.entrance import Entrance, Login
from services.web.guard import Guard, origin_of
from services.web.job_pages import JobPages
from services.web.live import Live
from shared.errors import ImpastoError
from shared.logs import logger

log = logger()
STATIC = Path(__file__).parent / "static"
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/webp", ".webp")


def application(desk: Desk, live: Live) -> ASGIApp:
    login = Login(desk)

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        live.begin()
        yield

    async def error_page(request: Request, error: Exception) -> Response:
        code, why = told(error)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": why}, code)
        if getattr(request.state, "caller", None) is None:
            return PlainTextResponse(why, code)
        return desk.fill(request, "error.html", code, why=why)

    app = Starlette(
        routes=[
            Route("/login", login.page),
            Route("/login", login.enter, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            Route("/livez", lambda _request: PlainTextResponse("ok")),
            Route("/events", live.answer),
            *JobPages(desk).routes(),
            *DeskPages(desk).routes(),
            *Api(desk).routes(),
            *(
                Mount(f"/static/{name}", StaticFiles(directory=part.folder / "static"))
                for name, part in desk.pages.items()
                if (part.folder / "static").is_dir()
            ),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(GZipMiddleware, minimum_size=1000),
            Middleware(Entrance, desk=desk),
        ],
        exception_handlers={
            ImpastoError: error_page,
            ValidationError: error_page,
            HTTPException: error_page,
            Exception: error_page,
        },
        lifespan=life,
    )
    # Around everything, so that answers to unexpected errors have the headers too.
    media = origin_of(desk.settings.web_media_url or desk.storage.container("x").url)
    return Guard(app, desk.settings.web_hosts.split(), media)


def told(error: Exception) -> tuple[int, str]:
    """The status, and a sentence. What is unexpected is logged and not told."""
    match error:
        case HTTPException():
            return error.status_code, error.detail
        case NotAllowed():
            return 403, str(error)
        case ImpastoError():
            return status_of(error), str(error)
    log.error("unexpected", exc_info=error)
    return 500, "something unexpected happened; the service's log has more"
