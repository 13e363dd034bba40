"""Uploads: links by which a browser sends a file straight to storage, in blocks.

The service names the blob, and signs a link to it alone. The blob isn't there until its last block
is committed, and the link can't be had for one that is there.
"""

from contextlib import suppress
from datetime import timedelta
from pathlib import PurePosixPath

from pydantic import BaseModel, Field

from services.web.desk import Desk, taking_files
from shared import names
from shared.arrivals import Arrivals, event_of
from shared.blobs import Container
from shared.errors import Missing, NotYet, Refused
from shared.models import Models
from shared.workload import Workload

#: How long a link works. The page asks for another one when it has expired.
LINK = timedelta(hours=1)
#: So many names are tried for a file whose name is taken.
MOST_NAMES = 1000
#: To create blocks, and to list those that are there when an upload is resumed.
RIGHTS = "rcw"


class UploadAsked(BaseModel):
    """A file that is to be dropped; `blob` is given when an upload is resumed."""

    workload: str = Field(max_length=100)
    model: str = Field(min_length=1, max_length=256)
    name: str = Field(min_length=1, max_length=1024)
    blob: str | None = Field(None, max_length=1024)
    #: Whether the model is to be learnt from the file, under that name.
    lesson: bool = False


class Upload(BaseModel):
    blob: str
    link: str


class Dropped(BaseModel):
    """A blob whose upload is complete."""

    workload: str = Field(max_length=100)
    blob: str = Field(max_length=1024)
    lesson: bool = False


class Submitted(BaseModel):
    """As `impasto submit --json` prints it."""

    job: str
    input: str


class Uploads:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._arrivals, self._models = Arrivals(desk.storage), Models(desk.storage)

    def begin(self, asked: UploadAsked) -> Upload:
        """A link that uploads the file. Raises Refused if no job can have its model."""
        workload = taking_files(asked.workload)
        container = self._container(workload, asked.lesson)
        if asked.blob is not None:
            blob = names.check_blob_name(asked.blob)
            if container.find(blob):
                raise Refused(f"{names.shown(blob)} is uploaded already")
        elif asked.lesson:
            blob = self._lesson_blob(container, asked)
        else:
            with suppress(NotYet):  # the job will wait for its model
                workload.require_model(self._desk.storage, asked.model)
            blob = free_name(container, asked.model, asked.name)
        return Upload(blob=blob, link=self._desk.grants.link(container.name, blob, RIGHTS, LINK))

    def finish(self, dropped: Dropped) -> Submitted:
        """Announce the blob at once, and tell its job."""
        workload = taking_files(dropped.workload)
        container = self._container(workload, dropped.lesson)
        found = container.find(names.check_blob_name(dropped.blob))
        if found is None:
            raise Missing(f"{names.shown(dropped.blob)} isn't uploaded")
        event = event_of(container, found.name, found.etag, found.size, found.md5)
        self._arrivals.announce_new(event)
        self._desk.changed()
        return Submitted(job=event.job, input=found.name)

    def _container(self, workload: Workload, lesson: bool) -> Container:
        name = workload.lessons if lesson else workload.input
        if name is None:
            raise Refused(f"the workload {workload.name} learns no models from files")
        return self._desk.storage.container(name)

    def _lesson_blob(self, container: Container, asked: UploadAsked) -> str:
        """The name says what the model will be called."""
        self._models.check_new(asked.model)
        blob = names.check_blob_name(asked.model + PurePosixPath(asked.name).suffix.lower())
        if container.find(blob):
            raise Refused(f"{asked.model} is being learnt, or was; give yours another name")
        return blob


def free_name(container: Container, folder: str, name: str) -> str:
    """`folder/name`, or with a number where that is taken."""
    path = PurePosixPath("/".join(part for part in name.split("/") if part not in ("", ".", "..")))
    for count in range(1, MOST_NAMES):
        own = path if count == 1 else path.with_name(f"{path.stem}-{count}{path.suffix}")
        blob = names.check_blob_name(f"{folder}/{own}")
        if container.find(blob) is None:
            return blob
    raise Refused(f"there are {MOST_NAMES} files called {names.shown(name)}")
