"""The files that a job has written: listed, and fetched by a signed link."""

import os
import re
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.batchai.access import Gate
from services.batchai.paths import FILE, JOB, path_of
from services.batchai.records import Job
from services.batchai.resources import Resources, page
from services.batchai.service import BatchAI
from services.batchai.views import moment
from services.batchai.wire import Answer, Part, Request, number
from shared.errors import RequestRefused

LINK_MINUTES, MOST_MINUTES = 60, 366 * 24 * 60
FROM = re.compile(r"bytes=([0-9]{1,15})-")


class Outputs:
    def __init__(self, service: BatchAI, resources: Resources, gate: Gate) -> None:
        self._places = service.places
        self._resources = resources
        self._gate = gate

    def list(self, request: Request) -> Answer:
        directory = request.query.get("outputdirectoryid", "")
        folder = self._folder(request, directory)
        place = inside(folder, request.query.get("directory", "."))
        minutes = number(request.query, "linkexpiryinminutes", LINK_MINUTES, 1, MOST_MINUTES)
        expires = int(time.time()) + 60 * minutes
        files = []
        for path in entries(folder, place):
            name = path.relative_to(folder).as_posix()
            where = path_of(FILE, **request.at, directory=directory, file=name)
            signature = self._gate.signature(where, expires)
            link = f"{request.base}{where}?se={expires}&sig={signature}"
            files += described(path, link)
        return page(request, files)

    def fetch(self, request: Request) -> Answer:
        """The file as it is now; of one that grows, a `Range` may ask for what is new."""
        folder = self._folder(request, request.at["directory"])
        path = inside(folder, request.at["file"])
        if not path.is_file():
            raise RequestRefused(404, "FileNotFound", "there is no such file")
        size = path.stat().st_size
        wanted = FROM.fullmatch(request.headers.get("range", ""))
        if not wanted:
            return Answer(200, Part(path, 0, size))
        start = int(wanted[1])
        if start >= size:
            raise RequestRefused(416, "InvalidRange", f"the file has {size} bytes")
        said = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        return Answer(206, Part(path, start, size - start), said)

    def _folder(self, request: Request, directory: str) -> Path:
        job = self._resources.find(Job, JOB, request)
        return self._places.folder(job, directory).resolve()


def inside(folder: Path, relative: str) -> Path:
    """Raises `RequestRefused` for what leads out of the folder, or can't be a path at all."""
    try:
        place = (folder / relative).resolve()
    except (ValueError, OSError, RuntimeError):
        place = None
    if place is None or not place.is_relative_to(folder):
        raise RequestRefused(400, "InvalidPath", f"{relative!r} leads out of the directory")
    return place


def entries(folder: Path, place: Path) -> Iterator[Path]:
    """What is in there and may be shown: no link to elsewhere, or to nothing."""
    try:
        found = sorted(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in found:
        try:
            inside(folder, path.relative_to(folder).as_posix())
        except RequestRefused:
            continue
        yield path


def described(path: Path, link: str) -> list[dict[str, Any]]:
    """Of one file; of none if it has gone meanwhile, or is a link to nothing."""
    try:
        facts = path.stat()
    except OSError:
        return []
    name = os.fsencode(path.name).decode(errors="replace")
    properties = {"lastModified": moment(datetime.fromtimestamp(facts.st_mtime, UTC))}
    if stat.S_ISDIR(facts.st_mode):
        return [{"name": name, "fileType": "directory", "properties": properties}]
    return [
        {
            "name": name,
            "fileType": "file",
            "downloadUrl": link,
            "properties": properties | {"contentLength": facts.st_size},
        }
    ]
