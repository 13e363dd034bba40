"""Lists a job's output files, and serves them under signed links."""

import os
import re
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.batchai.access import Authenticator
from services.batchai.http import FileRange, Request, Response, number
from services.batchai.reads import Reads, page
from services.batchai.resources import BatchJob
from services.batchai.service import BatchAI
from services.batchai.urls import FILE, JOB, quoted_path
from services.batchai.views import iso_time
from shared.errors import RequestRefused

LINK_MINUTES, MOST_MINUTES = 60, 366 * 24 * 60
RANGE = re.compile(r"bytes=([0-9]{1,15})-")


class Outputs:
    def __init__(self, service: BatchAI, reads: Reads, authenticator: Authenticator) -> None:
        self._job_paths = service.job_paths
        self._reads = reads
        self._authenticator = authenticator

    def list(self, request: Request) -> Response:
        directory = request.query.get("outputdirectoryid", "")
        root = self._root(request, directory)
        folder = resolve_inside(root, request.query.get("directory", "."))
        minutes = number(request.query, "linkexpiryinminutes", LINK_MINUTES, 1, MOST_MINUTES)
        expires = int(time.time()) + 60 * minutes
        files = []
        for path in visible_entries(root, folder):
            name = path.relative_to(root).as_posix()
            url_path = quoted_path(FILE, **request.names, directory=directory, file=name)
            signature = self._authenticator.signature(url_path, expires)
            link = f"{request.base_url}{url_path}?se={expires}&sig={signature}"
            files += file_entry(path, link)
        return page(request, files)

    def fetch(self, request: Request) -> Response:
        """The file as it is now. A `Range` header selects the end of one that grows."""
        root = self._root(request, request.names["directory"])
        path = resolve_inside(root, request.names["file"])
        if not path.is_file():
            raise RequestRefused(404, "FileNotFound", "there is no such file")
        size = path.stat().st_size
        wanted = RANGE.fullmatch(request.headers.get("range", ""))
        if not wanted:
            return Response(200, FileRange(path, 0, size))
        start = int(wanted[1])
        if start >= size:
            raise RequestRefused(416, "InvalidRange", f"the file has {size} bytes")
        headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        return Response(206, FileRange(path, start, size - start), headers)

    def _root(self, request: Request, directory: str) -> Path:
        job = self._reads.find(BatchJob, JOB, request)
        return self._job_paths.directory(job, directory).resolve()


def resolve_inside(root: Path, relative: str) -> Path:
    """Raises `RequestRefused` if the path leads out of `root` or isn't valid."""
    try:
        path = (root / relative).resolve()
    except (ValueError, OSError, RuntimeError):
        path = None
    if path is None or not path.is_relative_to(root):
        raise RequestRefused(400, "InvalidPath", f"{relative!r} leads out of the directory")
    return path


def visible_entries(root: Path, folder: Path) -> Iterator[Path]:
    """All entries of the folder, except links that lead out of `root`."""
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in found:
        try:
            resolve_inside(root, path.relative_to(root).as_posix())
        except RequestRefused:
            continue
        yield path


def file_entry(path: Path, link: str) -> list[dict[str, Any]]:
    """One entry; none if the file was deleted meanwhile or is a broken link."""
    try:
        facts = path.stat()
    except OSError:
        return []
    name = os.fsencode(path.name).decode(errors="replace")
    properties = {"lastModified": iso_time(datetime.fromtimestamp(facts.st_mtime, UTC))}
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
