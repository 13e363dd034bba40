"""The models that jobs may name: small blobs that only the scorer can read.

Publishing a model again makes a new version. The blob NAME is the version that jobs use, and
`_versions/NAME/VERSION` keeps each one. `_shown/NAME/` has what people may look at of a model. A
model is also named while it is being learnt: then the blob that it is learnt from is in its
workload's container of lessons.

A workload may have models of its own besides, in folders: FOLDER/NAME, with the name quoted. Only
the version that is used is there.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from shared import names
from shared.blobs import Blob
from shared.errors import Missing, NotYet, Refused
from shared.jobs import Jobs
from shared.names import shown
from shared.records import Failure
from shared.storage import Storage

#: How often a job that waits for its model checks for it.
RECHECK_SECONDS = 5.0
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
RULE = "a name has small letters, digits and dashes"
VERSIONS = "_versions/"
SHOWN = "_shown/"


class Model(NamedTuple):
    name: str
    scorer: str
    data: bytes = b""
    #: Whether it can be mixed with others.
    mixes: bool = False
    #: The ETag of the blob that it was learnt from, if any.
    source: str = ""

    @property
    def version(self) -> str:
        """It follows from the content: to publish the same again makes no other version."""
        return hashlib.sha256(self.scorer.encode() + b"\0" + self.data).hexdigest()[:12]

    @property
    def metadata(self) -> dict[str, str]:
        facts = {"scorer": self.scorer, "source": self.source, "version": self.version}
        return facts | ({"mixes": "yes"} if self.mixes else {})


class Models:
    def __init__(self, storage: Storage, lessons: str | None = None) -> None:
        self._blobs = storage.container("models")
        self._lessons = storage.container(lessons) if lessons else None
        self._jobs = Jobs(storage)

    def publish(self, model: Model) -> None:
        self._blobs.write_once(version_blob(model.name, model.version), model.data, model.metadata)
        self._blobs.write(model.name, model.data, model.metadata)

    def all(self) -> list[Blob]:
        """The models in use, one blob each, by name."""
        return sorted(self._blobs.at_top(), key=lambda blob: blob.name)

    def names(self) -> list[str]:
        return [blob.name for blob in self.all()]

    def in_folder(self, folder: str) -> list[Blob]:
        """A workload's own models, by name."""
        return self._blobs.under(f"{folder}/") if NAME.fullmatch(folder) else []

    def find_in_folder(self, name: str) -> Blob:
        """A workload's own model, by FOLDER/NAME, where NAME isn't quoted and may have slashes."""
        folder, _, rest = name.partition("/")
        found = (
            self._blobs.find(f"{folder}/{quote(rest, safe='')}") if NAME.fullmatch(folder) else None
        )
        if found is None:
            raise Missing(f"no model is called {shown(name)}")
        return found

    def versions(self, name: str) -> list[Blob]:
        """All versions of a model, the newest first. Raises Missing if there is no such model."""
        if "/" in name:
            return [self.find_in_folder(name)]
        self.find(name)
        found = self._blobs.under(version_blob(name, ""))
        return sorted(found, key=lambda blob: str(blob.created), reverse=True)

    def find(self, name: str) -> Blob:
        found = self._blobs.find(name) if NAME.fullmatch(name) else None
        if found is None:
            raise Missing(f"no model is called {shown(name)}")
        return found

    def load(self, name: str) -> Model:
        return self._load(self.find(name), name)

    def use(self, name: str, version: str) -> None:
        """Make an earlier version the one that jobs use."""
        for blob in self.versions(name):
            if blob.name == version_blob(name, version):
                self.publish(self._load(blob, name))
                return
        raise Missing(f"{name} has no version {shown(version)}")

    def remove(self, name: str) -> None:
        """Delete a model and its versions; jobs that use it go to poison."""
        for blob in self.versions(name):
            self._blobs.delete(blob.name)
        if "/" not in name:
            self._blobs.delete(name)
        for blob in self.shown(name):
            self._blobs.delete(blob.name)

    def show(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep what people may look at of a model; each file replaces the one before."""
        for file, data in files.items():
            self._blobs.write(f"{SHOWN}{name}/{file}", data)

    def read_shown(self, name: str, file: str) -> bytes:
        """One of these files. Raises Missing if there is none of the name."""
        for blob in self.shown(name):
            if blob.name == f"{SHOWN}{name}/{file}":
                return self._blobs.read(blob.name)
        raise Missing(f"a model called {shown(name)} has no file {shown(file)} to look at")

    def shown(self, name: str) -> list[Blob]:
        """The blobs of these files; none for a model that shows nothing."""
        return self._blobs.under(f"{SHOWN}{name}/") if NAME.fullmatch(name) else []

    def require(self, name: str) -> Blob:
        """Return the model's blob; raise NotYet if it is being learnt, Refused if there is none."""
        try:
            return self.find(name)
        except Missing:
            self._raise_if_lesson(name)
            known = ", ".join(self.names())
            raise Refused(f"no model is called {shown(name)}; there are {known}") from None

    def check_new(self, name: str) -> None:
        """Raise Refused if a learnt model can't have this name."""
        if not NAME.fullmatch(name):
            raise Refused(f"a model can't be called {shown(name)}: {RULE}")
        found = self._blobs.find(name)
        if found and not found.metadata.get("source"):
            raise Refused(f"there is a model called {name} already; give yours another name")

    def _load(self, blob: Blob, name: str) -> Model:
        facts, data = blob.metadata, self._blobs.read(blob.name)
        return Model(name, facts.get("scorer", ""), data, "mixes" in facts, facts.get("source", ""))

    def _raise_if_lesson(self, name: str) -> None:
        """Raise NotYet if the model is being learnt, and Refused if that failed."""
        for source in self._lessons.under() if self._lessons else ():
            if name_of(source.name) == name:
                outcome = self._jobs.outcome(names.job_id(source.name, source.etag))
                if isinstance(outcome, Failure):
                    raise Refused(f"{name} could not be learnt: {outcome.reason}")
                if outcome is None:
                    raise NotYet(f"{name} is still being learnt", RECHECK_SECONDS)


def version_blob(name: str, version: str) -> str:
    return f"{VERSIONS}{name}/{version}"


def name_of(source: str) -> str:
    """The name of the model that is learnt from a blob."""
    return PurePosixPath(source).stem.lower()
