"""The description of the JSON API, in OpenAPI 3.1, from its operations and their models."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request

from services.web.caller import Role

REFERENCES = "#/components/schemas/{model}"
Ran = Any
Kind = Any


class Operation(NamedTuple):
    method: str
    path: str
    summary: str
    role: Role
    #: Called with the request and its body.
    run: Callable[[Request, Any], Any]
    #: The type of its result.
    answers: Kind
    takes: type[BaseModel] | None = None

    def dump(self, result: object) -> bytes:
        return TypeAdapter(self.answers).dump_json(result)


def document(prefix: str, operations: list[Operation]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        content = {"application/json": {"schema": schema_of(each.answers, schemas)}}
        described: dict[str, Any] = {
            "summary": each.summary,
            "description": f"Needs the role {each.role.name.lower()}.",
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"{(\w+)}", each.path)
            ],
            "responses": {
                "200": {"description": "Done", "content": content},
                "default": {"description": "`error` says why it can't be done"},
            },
        }
        if each.takes:
            body = {"application/json": {"schema": schema_of(each.takes, schemas)}}
            described["requestBody"] = {"required": True, "content": body}
        paths.setdefault(prefix + each.path, {})[each.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Impasto",
            "version": "1",
            "description": "Jobs, messages and the cluster of one stack. Log in with the token of"
            " the page's address, as a bearer.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def schema_of(kind: Kind, schemas: dict[str, Any]) -> dict[str, Any]:
    """The type's schema; models that it refers to go into `schemas`."""
    found = TypeAdapter(kind).json_schema(ref_template=REFERENCES, mode="serialization")
    schemas |= found.pop("$defs", {})
    if title := found.get("title"):
        schemas[title] = found
        return {"$ref": REFERENCES.format(model=title)}
    return found
