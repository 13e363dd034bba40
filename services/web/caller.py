"""Who calls: by a session, by the login token as a bearer, or by Azure's own login."""

import base64
import json
import secrets
from enum import IntEnum
from typing import Any, NamedTuple

from starlette.requests import Request

from services.web.session import Sessions
from services.web.settings import WebSettings
from shared.errors import Misconfigured

#: Set by Azure's login, which removes them from what callers send.
PRINCIPAL, PRINCIPAL_NAME = "x-ms-client-principal", "x-ms-client-principal-name"


class Role(IntEnum):
    """Each may do what those before it may."""

    VIEWER = 1
    UPLOADER = 2
    OPERATOR = 3


class Caller(NamedTuple):
    role: Role
    #: A login's name; None for whoever has the token.
    name: str | None
    #: What its forms must send back; None for programs, whose requests carry the login itself.
    form_token: str | None = None


class Callers:
    def __init__(self, settings: WebSettings) -> None:
        token = settings.web_token.get_secret_value() if settings.web_token else ""
        self.by_azure = settings.web_login == "azure"
        if not token and not self.by_azure:
            raise Misconfigured("set IMPASTO_WEB_TOKEN to a long random text, or IMPASTO_WEB_LOGIN")
        self.sessions = Sessions(token or secrets.token_urlsafe(32), settings.web_session_hours)
        self.cookie = f"impasto-{settings.web_port}"

    def of(self, request: Request) -> Caller | None:
        """None for somebody who isn't logged in."""
        if self.by_azure:
            return self._by_azure(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return Caller(Role.OPERATOR, None) if self.sessions.admits(token) else None
        session = request.cookies.get(self.cookie, "")
        if not self.sessions.holds(session):
            return None
        return Caller(Role.OPERATOR, None, self.sessions.form_token(session))

    def _by_azure(self, request: Request) -> Caller | None:
        name = request.headers.get(PRINCIPAL_NAME)
        role = highest(claims_of(request.headers.get(PRINCIPAL, "")))
        if not name or role is None:
            return None
        return Caller(role, name, self.sessions.form_token(name))


def claims_of(principal: str) -> list[dict[str, Any]]:
    try:
        claims = json.loads(base64.b64decode(principal))["claims"]
    except (ValueError, KeyError, TypeError):
        return []
    return [claim for claim in claims if isinstance(claim, dict)]


def highest(claims: list[dict[str, Any]]) -> Role | None:
    """The highest of the application's roles that the login has; None without any."""
    given = {str(c.get("val", "")).upper() for c in claims if c.get("typ") == "roles"}
    return max((role for role in Role if role.name in given), default=None)
