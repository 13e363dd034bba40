"""A fake of the part of Azure Machine Learning's REST API that workers need.

It stores what it is sent and records all requests. Tests set the states of jobs.
"""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

#: JSON of requests and answers.
Body = dict[str, Any]
TOKEN = "let-me-in"
WORKSPACE = (
    "/subscriptions/sub/resourceGroups/art/providers/Microsoft.MachineLearningServices"
    "/workspaces/studio"
)


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    body: Body


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message}}


class FakeAzureML:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.computes: dict[str, Body] = {}
        self.jobs: dict[str, Body] = {}
        self.reasons: dict[str, str] = {}
        #: The `error` of failed jobs, in place of their reasons.
        self.details: dict[str, object] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def sent(self, method: str, part: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method and part in one.path]

    def becomes(self, job: str, status: str, **times: str) -> None:
        self.jobs[job]["properties"]["status"] = status
        self.jobs[job]["properties"]["properties"] |= times

    def answer(self, asked: Asked) -> Body:
        if asked.path == "/token":
            return token(asked.query["resource"][0])
        if asked.path == "/discovery":
            return {"api": self.url, "history": self.url}
        if "/history/v1.0" in asked.path:
            return self._history(asked)
        if not asked.path.startswith(WORKSPACE):
            raise Refusal(404, "ResourceNotFound", "there is nothing there")
        kind, *rest = [*asked.path.removeprefix(WORKSPACE).strip("/").split("/"), ""]
        return {
            "": self._workspace,
            "computes": self._compute,
            "environments": self._environment,
            "jobs": self._job,
        }[kind](asked, rest[0])

    def _workspace(self, asked: Asked, name: str) -> Body:
        properties = {"discoveryUrl": f"{self.url}/discovery", "workspaceId": "1"}
        return {"id": WORKSPACE, "name": "studio", "location": "north", "properties": properties}

    def _compute(self, asked: Asked, name: str) -> Body:
        if asked.method == "DELETE":
            self.computes.pop(name, None)
            return {}
        if asked.method == "PUT":
            self.computes[name] = asked.body | {"id": asked.path, "name": name}
            of_compute = self.computes[name]["properties"]
            of_compute["provisioningState"] = "Succeeded"
            of_compute["properties"] |= {"allocationState": "Steady", "currentNodeCount": 0}
            identities = (asked.body.get("identity") or {}).get("userAssignedIdentities") or {}
            for given in identities.values():
                given["clientId"] = "client-of-the-painter"
        if name not in self.computes:
            raise Refusal(404, "ResourceNotFound", f"there is no compute called {name}")
        return self.computes[name]

    def _environment(self, asked: Asked, name: str) -> Body:
        return asked.body | {"id": asked.path, "name": name}

    def _job(self, asked: Asked, name: str) -> Body:
        if not name:
            [tag] = asked.query["tag"]
            tagged = [job for job in self.jobs.values() if tag in job["properties"]["tags"]]
            [view] = asked.query.get("listViewType", ["ActiveOnly"])
            shown = {"ActiveOnly": {False}, "ArchivedOnly": {True}, "All": {False, True}}[view]
            return {"value": [job for job in tagged if job["properties"]["isArchived"] in shown]}
        if asked.path.endswith("/cancel"):
            self.becomes(name, "Canceled")
            return {}
        if asked.method == "PUT":
            if name in self.jobs:
                raise Refusal(409, "Conflict", f"a job called {name} already exists")
            now = datetime.now(UTC).isoformat()
            studio = {"jobServiceType": "Studio", "endpoint": f"{self.url}/runs/{name}"}
            properties = asked.body["properties"]
            self.jobs[name] = {
                "id": asked.path,
                "name": name,
                "properties": properties | {"status": "Queued", "services": {"Studio": studio}},
                "systemData": {"createdAt": now},
            }
        if name not in self.jobs:
            raise Refusal(404, "UserError", f"there is no job called {name}")
        return self.jobs[name]

    def _history(self, asked: Asked) -> Body:
        if asked.method == "PATCH":
            name = asked.path.rsplit("/", 1)[1]
            self.jobs[name]["properties"]["isArchived"] = asked.body["hidden"]
            return {"runId": name}
        name = asked.path.split("/")[-2]
        if name in self.details:
            return {"runId": name, "status": "Failed", "error": self.details[name]}
        if name not in self.reasons:
            raise Refusal(403, "Forbidden", "the history can't be read")
        error = {"error": {"code": "UserError", "message": self.reasons[name]}}
        return {"runId": name, "status": "Failed", "error": error}


def token(resource: str) -> Body:
    until = int(datetime.now(UTC).timestamp()) + 3600
    return {
        "access_token": TOKEN,
        "expires_on": str(until),
        "resource": resource,
        "token_type": "Bearer",
    }


def handler_of(fake: FakeAzureML) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            asked = Asked(self.command, url.path, parse_qs(url.query), body)
            fake.asked.append(asked)
            status, answer = 200, {}
            try:
                if url.path.startswith("/subscriptions"):
                    self._check_token()
                answer = fake.answer(asked)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.body
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _check_token(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refusal(401, "Unauthorized", "there is no token that is known here")

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
