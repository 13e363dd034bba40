"""The files that a job has written: listed, and fetched by a signed link."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.batchai.access import Gate
from services.batchai.paths import JOB
from services.batchai.records import Job
from services.batchai.resources import Resources, page
from services.batchai.service import BatchAI
from services.batchai.views import moment
from services.batchai.wire import Answer, Request
from shared.errors import RequestRefused

LINK_MINUTES = 60


class Outputs:
    def __init__(self, service: BatchAI, resources: Resources, gate: Gate) -> None:
        self._places = service.places
        self._resources = resources
        self._gate = gate

    def list(self, request: Request) -> Answer:
        directory = request.query.get("outputdirectoryid", "")
        folder = self._folder(request, directory)
        place = inside(folder, request.query.get("directory", "."))
        minutes = int(request.query.get("linkexpiryinminutes", LINK_MINUTES))
        expires = int(time.time()) + 60 * minutes
        files = []
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            name = quote(path.relative_to(folder).as_posix(), safe="")
            where = f"{JOB.format(**request.at)}/files/{directory}/{name}"
            signature = self._gate.signature(where, expires)
            files.append(described(path, f"{request.base}{where}?se={expires}&sig={signature}"))
        return page(request, files)

    def fetch(self, request: Request) -> Answer:
        folder = self._folder(request, request.at["directory"])
        path = inside(folder, request.at["file"])
        if not path.is_file():
            raise RequestRefused(404, "FileNotFound", "there is no such file")
        return Answer(200, path.read_bytes())

    def _folder(self, request: Request, directory: str) -> Path:
        job = self._resources.find(Job, JOB, request)
        return self._places.folder(job, directory).resolve()


def inside(folder: Path, relative: str) -> Path:
    place = (folder / relative).resolve()
    if not place.is_relative_to(folder):
        raise RequestRefused(400, "InvalidPath", f"{relative!r} leads out of the directory")
    return place


def described(path: Path, link: str) -> dict[str, Any]:
    facts = path.stat()
    properties = {"lastModified": moment(datetime.fromtimestamp(facts.st_mtime, UTC))}
    if path.is_dir():
        return {"name": path.name, "fileType": "directory", "properties": properties}
    return {
        "name": path.name,
        "fileType": "file",
        "downloadUrl": link,
        "properties": properties | {"contentLength": facts.st_size},
    }
