"""The models that a job may name: one small blob each, opaque to all but the scorer."""

from typing import NamedTuple

from shared.errors import Missing, Refused
from shared.names import shown
from shared.storage import Storage

SCORER = "scorer"


class Model(NamedTuple):
    name: str
    scorer: str
    data: bytes


class Models:
    def __init__(self, storage: Storage) -> None:
        self._blobs = storage.container("models")

    def publish(self, model: Model) -> None:
        self._blobs.write(model.name, model.data, {SCORER: model.scorer})

    def names(self) -> list[str]:
        return sorted(blob.name for blob in self._blobs.under())

    def require(self, name: str) -> str:
        """The name, if there is such a model; else Refused with the list of those there are."""
        known = self.names()
        if name not in known:
            raise Refused(f"no model is called {shown(name)}; there are {', '.join(known)}")
        return name

    def load(self, name: str) -> Model:
        found = self._blobs.find(name)
        if found is None:
            raise Missing(f"no model is called {shown(name)}")
        return Model(name, found.metadata.get(SCORER, ""), self._blobs.read(name))
