"""Whether all blobs of a folder exist, asked with as few requests as possible."""

from collections.abc import Sequence

from shared.blobs import Blob, Container

#: Folders of which a missing blob is remembered, to bound the memory that it takes.
REMEMBERED = 10_000


class Completeness:
    """Lists a folder only after a blob that was missing from its last listing has appeared.

    The memory only saves requests: a stitcher that has none lists the folder, and answers the same.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._missing: dict[str, str] = {}

    def known_incomplete(self, folder: str) -> bool:
        """Whether the blob that was missing from the last listing is still missing."""
        missing = self._missing.get(folder)
        return missing is not None and self._container.find(missing) is None

    def find_all(self, folder: str, names: Sequence[str]) -> list[Blob] | None:
        """The blobs of these names; None if one of them is missing."""
        found = {blob.name: blob for blob in self._container.under(folder)}
        self._missing.pop(folder, None)
        missing = [name for name in names if name not in found]
        if not missing:
            return [found[name] for name in names]
        self._missing[folder] = missing[-1]  # work is done in order: this is ready last
        if len(self._missing) > REMEMBERED:
            del self._missing[next(iter(self._missing))]
        return None
