"""Lets callers in: ASGI middleware before every handler, and the pages to log in and out."""

import hmac
from urllib.parse import quote, urlencode, urlsplit

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from services.web.caller import PRINCIPAL_NAME, Caller, Callers
from services.web.desk import Desk, fields_of

#: What anybody may ask for.
OPEN = ("/login", "/static/", "/livez")
SAFE = ("GET", "HEAD", "OPTIONS")
FORM_FIELD = "form_token"
HEADER = "x-form-token"


class Entrance(BaseHTTPMiddleware):
    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        super().__init__(app)
        self._desk = desk

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        if token := request.query_params.get("token"):
            return self._with_token(request, token)
        caller = self._desk.callers.of(request)
        request.state.caller = caller
        if request.url.path.startswith(OPEN):
            return await call_next(request)
        if caller is None:
            return self._refused(request)
        if request.method not in SAFE and not await is_own(
            request, caller, self._desk.callers.by_azure
        ):
            return PlainTextResponse("this form is too old, or from another site", 403)
        return await call_next(request)

    def _with_token(self, request: Request, token: str) -> Response:
        """Begin a session, and leave the token out of the address."""
        rest = [(k, v) for k, v in request.query_params.multi_items() if k != "token"]
        to = local(request.url.path + (f"?{urlencode(rest)}" if rest else ""))
        if self._desk.callers.by_azure or not self._desk.callers.sessions.admits(token):
            return RedirectResponse("/login?wrong=1", 303)
        return entered(self._desk.callers, to)

    def _refused(self, request: Request) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": "log in first"}, 401, {"WWW-Authenticate": "Bearer"})
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("log in first", 401)
        return RedirectResponse(f"/login?to={quote(request.url.path)}", 303)


async def is_own(request: Request, caller: Caller, by_azure: bool) -> bool:
    """Whether a request that changes something comes from our own page, or from a program."""
    if caller.form_token is None:
        return True
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    if origin and by_azure:  # the form's token may be of a replica that has left since
        return True
    given = request.headers.get(HEADER)
    if given is None:
        given = (await fields_of(request)).get(FORM_FIELD, [""])[0]
    return hmac.compare_digest(given.encode(), caller.form_token.encode())


def local(path: str) -> str:
    """A path of this service, never another site."""
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or not path.startswith("/") or path[1:2] in ("/", "\\"):
        return "/"
    return path


def entered(callers: Callers, to: str) -> Response:
    """Begin a session, and go on to a page."""
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        callers.cookie,
        callers.sessions.begin(),
        max_age=callers.sessions.seconds,
        httponly=True,
        samesite="lax",
    )
    return answer


class Login:
    """The page to log in with the token, where the address has none."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, request: Request) -> Response:
        asked = request.query_params
        return self._desk.fill(
            request,
            "login.html",
            to=local(asked.get("to", "/")),
            wrong="wrong" in asked,
            by_azure=self._desk.callers.by_azure,
            name=request.headers.get(PRINCIPAL_NAME) if self._desk.callers.by_azure else None,
        )

    async def enter(self, request: Request) -> Response:
        fields = await fields_of(request)
        token, to = (fields.get(name, [""])[0] for name in ("login", "to"))
        callers = self._desk.callers
        if callers.by_azure or not callers.sessions.admits(token.strip()):
            return RedirectResponse("/login?wrong=1", 303)
        return entered(callers, local(to or "/"))

    async def leave(self, _request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(self._desk.callers.cookie)
        return answer
