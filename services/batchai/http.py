"""HTTP requests, responses and routes, and error bodies as Azure's REST APIs have them."""

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
#: Names that aren't checked, because nothing is created under them.
UNCHECKED = ("operation", "file", "location")


class Request(NamedTuple):
    method: str
    base_url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    #: The values of the route's placeholders, such as `{job}`.
    names: Mapping[str, str] = {}

    def json(self) -> dict[str, Any]:
        """Raises `RequestRefused` unless the body is a JSON object that can be encoded again."""
        try:
            parsed = json.loads(self.body or b"{}", parse_constant=refuse_constant)
            text = json.dumps(parsed, ensure_ascii=False)
            text.encode()  # fails for half of a surrogate pair
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict) or depth(parsed) > DEEPEST:
            raise RequestRefused(400, "InvalidRequestContent", "the body isn't a JSON object")
        return parsed


class FileRange(NamedTuple):
    path: Path
    start: int
    length: int


class Response(NamedTuple):
    """The body is sent as JSON, unless it is a FileRange."""

    status: int
    body: object = None
    headers: Mapping[str, str] = {}


class Route(NamedTuple):
    method: str
    template: str
    handle: Callable[[Request], Response]

    def match(self, request: Request) -> Mapping[str, str] | None:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.template)
        found = re.fullmatch(pattern, request.path, re.IGNORECASE)
        if not found or request.method != self.method:
            return None
        named = found.groupdict().items()
        return {name: unquote(value, errors="surrogateescape") for name, value in named}


def dispatch(routes: list[Route], request: Request) -> Response:
    for route in routes:
        names = route.match(request)
        if names is not None:
            check_names(names)
            return route.handle(request._replace(names=names))
    raise RequestRefused(404, "ResourceNotFound", f"nothing answers {request.method} there")


def check_names(names: Mapping[str, str]) -> None:
    for what, name in names.items():
        pattern = NAME if what in ("workspace", "cluster", "experiment", "job") else GROUP_NAME
        if what not in UNCHECKED and not pattern.fullmatch(name):
            raise RequestRefused(
                400,
                "InvalidResourceName",
                f"{name!r} can't name a {what}: use 1 to 64 letters, digits, - and _",
            )


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inside), default=0)


def number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Raises `RequestRefused` unless it is a whole number from `least` to `most`."""
    text = query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise RequestRefused(
            400, "InvalidQueryParameterValue", f"{name} must be a number from {least} to {most}"
        )
    return int(text)


def error(status: int, code: str, message: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(status, {"error": {"code": code, "message": message}}, headers)


def validation_message(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
