"""The models that a job may name: one small blob each, opaque to all but the scorer.

One that isn't there may be being learnt: then what it is learnt from lies in `styles`.
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

#: How long a job sleeps that waits for its model.
LOOK_AGAIN_SECONDS = 5.0


class Model(NamedTuple):
    name: str
    scorer: str
    data: bytes = b""
    #: Whether it may be one of several in a mixture.
    mixes: bool = False
    #: The ETag of what it was learnt from, if it was.
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
        """Those that weren't learnt from anything that somebody brought."""
        return sorted(b.name for b in self._blobs.under() if not b.metadata.get("source"))

    def require(self, text: str) -> str:
        """What was asked for, if there is all of it; NotYet while some of it is being learnt."""
        mixture = Mixture.parse(text)
        known = {blob.name: blob for blob in self._blobs.under()}
        for name in mixture.parts:
            if name not in known:
                self._expect(name, sorted(known))
            elif mixture.mixed and "mixes" not in known[name].metadata:
                raise Refused(f"{name} can't be mixed with others")
        return text

    def version(self, name: str) -> str:
        """Another each time that it is published."""
        return self._found(name).etag

    def load(self, name: str) -> Model:
        facts = self._found(name).metadata
        data = self._blobs.read(name)
        return Model(name, facts.get("scorer", ""), data, "mixes" in facts, facts.get("source", ""))

    def check_new(self, name: str) -> None:
        """Refused where a model that is learnt can't be called so."""
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
        """What lies in `styles` and isn't a model yet, nor has been refused."""
        learnt = {blob.name: blob.metadata.get("source") for blob in self._blobs.under()}
        return [
            source
            for source in self._sources.under()
            if learnt.get(name_of(source.name)) != source.etag
        ]

    def _expect(self, name: str, known: list[str]) -> None:
        """NotYet if it is being learnt; else Refused, with the reason."""
        for source in self.unlearnt():
            if name_of(source.name) != name:
                continue
            outcome = self._jobs.outcome(names.job_id(source.name, source.etag))
            if isinstance(outcome, Failure):
                raise Refused(f"{name} could not be learnt: {outcome.reason}")
            raise NotYet(f"{name} is still being learnt", LOOK_AGAIN_SECONDS)
        raise Refused(f"no model is called {shown(name)}; there are {', '.join(known)}")


def name_of(source: str) -> str:
    """The model that is learnt from a blob: its name, without folders and ending."""
    return PurePosixPath(source).stem.lower()
