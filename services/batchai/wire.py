"""Requests, routes and answers, and errors in the shape that Azure's have."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from pydantic import ValidationError

from shared.errors import RequestRefused

#: How deep a body may be nested.
DEEPEST = 32
NAME = re.compile(r"[-\w]{1,64}", re.ASCII)
GROUP_NAME = re.compile(r"(?!\.+$)[-\w.()]{1,90}")
#: These may be anything: what they stand for is looked for, not made.
ANY_NAME = ("operation", "file", "location")


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
        """Raises `RequestRefused` for what isn't JSON, or can't be written again as such."""
        try:
            parsed = json.loads(self.body or b"{}", parse_constant=no_number)
            text = json.dumps(parsed, ensure_ascii=False)
            text.encode()  # half a surrogate can't be
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict) or depth(parsed) > DEEPEST:
            raise RequestRefused(400, "InvalidRequestContent", "the body isn't a JSON object")
        return parsed


class Part(NamedTuple):
    """Of a file, from `start` on."""

    path: Path
    start: int
    length: int


class Answer(NamedTuple):
    """Its body is sent as JSON, unless it is a part of a file."""

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
        named = found.groupdict().items()
        return {name: unquote(value, errors="surrogateescape") for name, value in named}


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
        if what not in ANY_NAME and not pattern.fullmatch(name):
            raise RequestRefused(
                400,
                "InvalidResourceName",
                f"{name!r} is no name for a {what}: 1 to 64 letters, digits, - and _",
            )


def no_number(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inside), default=0)


def number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Raises `RequestRefused` unless it is a whole number between those two."""
    text = query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise RequestRefused(
            400, "InvalidQueryParameterValue", f"{name} must be a number from {least} to {most}"
        )
    return int(text)


def error(status: int, code: str, message: str) -> Answer:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Answer(status, {"error": {"code": code, "message": message}}, headers)


def plainly(trouble: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in trouble.errors()
    )
