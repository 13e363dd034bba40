"""HTTP: requests in, answers out, and errors in the shape that Azure's have."""

import contextvars
import json
import re
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import ValidationError

from shared.errors import RequestRefused
from shared.logs import logger

log = logger()
LONGEST_BODY = 1 << 20
NAME = re.compile(r"[-\w]{1,64}", re.ASCII)
GROUP_NAME = re.compile(r"[-\w.()]{1,90}")


class Request(NamedTuple):
    method: str
    base: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    #: What stands in the path for the names in a route's template.
    at: Mapping[str, str] = {}

    def json(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.body or b"{}")
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise RequestRefused(400, "InvalidRequestContent", "the body isn't a JSON object")
        return parsed


class Answer(NamedTuple):
    status: int
    body: object = None
    headers: Mapping[str, str] = {}


class Route(NamedTuple):
    method: str
    template: str
    handle: Callable[[Request], Answer]

    def match(self, request: Request) -> Mapping[str, str] | None:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.template)
        found = re.fullmatch(pattern, request.path, re.IGNORECASE)
        if not found or request.method != self.method:
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}


def dispatch(routes: list[Route], request: Request) -> Answer:
    for route in routes:
        at = route.match(request)
        if at is not None:
            check_names(at)
            return route.handle(request._replace(at=at))
    raise RequestRefused(404, "ResourceNotFound", f"nothing answers {request.method} there")


def check_names(at: Mapping[str, str]) -> None:
    for what, name in at.items():
        pattern = NAME if what in ("workspace", "cluster", "experiment", "job") else GROUP_NAME
        if what not in ("operation", "file") and not pattern.fullmatch(name):
            raise RequestRefused(
                400,
                "InvalidResourceName",
                f"{name!r} is no name for a {what}: 1 to 64 letters, digits, - and _",
            )


def bound(host: str, port: int, wished: int) -> ThreadingHTTPServer:
    """A server at that port; if it is 0, at the one wished for, or at any other that is free."""
    try:
        return ThreadingHTTPServer((host, port or wished), BaseHTTPRequestHandler)
    except OSError:
        if port:
            raise
        return ThreadingHTTPServer((host, 0), BaseHTTPRequestHandler)


def handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    context = contextvars.copy_context()  # what every line of log says, which threads don't inherit

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "BatchAI"
        # Headers and body are two writes; without this the second waits for the first's receipt.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            result = self._refusing()
            body = result.body
            whole = body if isinstance(body, bytes) else b""
            if body is not None and not isinstance(body, bytes):
                whole = json.dumps(body).encode()
            self.send_response(result.status)
            kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            headers = {"Content-Type": kind, "Content-Length": str(len(whole)), **result.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(whole)

        def _refusing(self) -> Answer:
            try:
                return context.copy().run(answer, self._request())
            except RequestRefused as refusal:
                return error(refusal.status, refusal.code, str(refusal))
            except ValidationError as trouble:
                return error(400, "InvalidRequestContent", plainly(trouble))
            except Exception:
                log.exception("a request failed", method=self.command, path=self.path)
                return error(500, "InternalServerError", "see the log of the local Batch AI")

        def _request(self) -> Request:
            said = self.headers.get("Content-Length") or "0"
            length = int(said) if said.isdecimal() else LONGEST_BODY + 1
            if length > LONGEST_BODY or "Transfer-Encoding" in self.headers:
                self.close_connection = True  # where the next request begins isn't known
                raise RequestRefused(
                    413, "RequestTooLarge", "a body of 1 MiB at most, and of known length"
                )
            parts = urlsplit(self.path)
            return Request(
                method=self.command,
                base=f"http://{self.headers['Host']}",
                path=parts.path,
                query={name.lower(): value for name, value in parse_qsl(parts.query)},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            log.debug("request", line=format % args)

    return Handler


def error(status: int, code: str, message: str) -> Answer:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Answer(status, {"error": {"code": code, "message": message}}, headers)


def plainly(trouble: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in trouble.errors()
    )
