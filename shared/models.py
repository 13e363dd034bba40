"""The models that jobs may name: small blobs that only the scorer can read.

A model is also named while it is being learnt: then the blob that it is learnt from is in `styles`.
"""

from pathlib import PurePosixPath
from typing import NamedTuple

from shared import names
from shared.blobs import Blob
from shared.errors import Missing, NotYet, Refused
from shared.jobs import Jobs
from shared.mixture import NAME, RULE, Mixture
from shared.names import shown
from shared.records import Failure
from shared.storage import Storage

#: How often a job that waits for its model checks for it.
RECHECK_SECONDS = 5.0


class Model(NamedTuple):
    name: str
    scorer: str
    data: bytes = b""
    #: Whether it can be mixed with others.
    mixes: bool = False
    #: The ETag of the blob that it was learnt from, if any.
    source: str = ""


class Models:
    def __init__(self, storage: Storage) -> None:
        self._blobs = storage.container("models")
        self._sources = storage.container("styles")
        self._jobs = Jobs(storage)

    def publish(self, model: Model) -> None:
        facts = {"scorer": model.scorer, "source": model.source}
        self._blobs.write(model.name, model.data, facts | ({"mixes": "yes"} if model.mixes else {}))

    def names(self) -> list[str]:
        return sorted(blob.name for blob in self._blobs.under())

    def shipped(self) -> list[str]:
        """The models that weren't learnt from an uploaded blob."""
        return sorted(b.name for b in self._blobs.under() if not b.metadata.get("source"))

    def require(self, text: str) -> str:
        """Return the mixture's text; raise Refused or NotYet if a model of it is missing."""
        mixture = Mixture.parse(text)
        known = {blob.name: blob for blob in self._blobs.under()}
        for name in mixture.parts:
            if name not in known:
                self._raise_missing(name, sorted(known))
            elif mixture.mixed and "mixes" not in known[name].metadata:
                raise Refused(f"{name} can't be mixed with others")
        return text

    def version(self, name: str) -> str:
        """The ETag of the model as it was last published."""
        return self._found(name).etag

    def load(self, name: str) -> Model:
        facts = self._found(name).metadata
        data = self._blobs.read(name)
        return Model(name, facts.get("scorer", ""), data, "mixes" in facts, facts.get("source", ""))

    def check_new(self, name: str) -> None:
        """Raise Refused if a learnt model can't have this name."""
        if name in self.shipped():
            raise Refused(f"there is a style called {name} already; give yours another name")
        if not NAME.fullmatch(name):
            raise Refused(f"a style can't be called {shown(name)}: {RULE}")

    def _found(self, name: str) -> Blob:
        found = self._blobs.find(name)
        if found is None:
            raise Missing(f"no model is called {shown(name)}")
        return found

    def unlearnt(self) -> list[Blob]:
        """The blobs in `styles` from which no model has been learnt."""
        learnt = {blob.name: blob.metadata.get("source") for blob in self._blobs.under()}
        return [
            source
            for source in self._sources.under()
            if learnt.get(name_of(source.name)) != source.etag
        ]

    def _raise_missing(self, name: str, known: list[str]) -> None:
        """Raise NotYet if the model is being learnt, else Refused."""
        for source in self.unlearnt():
            if name_of(source.name) != name:
                continue
            outcome = self._jobs.outcome(names.job_id(source.name, source.etag))
            if isinstance(outcome, Failure):
                raise Refused(f"{name} could not be learnt: {outcome.reason}")
            raise NotYet(f"{name} is still being learnt", RECHECK_SECONDS)
        raise Refused(f"no model is called {shown(name)}; there are {', '.join(known)}")


def name_of(source: str) -> str:
    """The name of the model that is learnt from a blob."""
    return PurePosixPath(source).stem.lower()
