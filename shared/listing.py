"""Lists containers even where some blob's name makes Azurite's own listing fail.

A listing is XML, which has no control characters: Azurite answers 500, without an error code, to
each listing that would have such a name. This module finds these names by listing longer and longer
prefixes, with up to a hundred requests for each character of a name. If such a character follows a
non-ASCII one, all later names with the same beginning up to that one are left out as well.
"""

from typing import NamedTuple

from shared.blobs import Blob, Container
from shared.errors import Unavailable

#: Page sizes that are tried in turn, to fetch what comes before an unlistable name.
PAGES = (1024, 64, 8, 1)
#: The ASCII characters that can be listed. Control characters sort before them.
FIRST, LAST = " ", "~"
#: Sorts after them.
BEYOND = "\ufffd"
#: The longest prefix that is tried.
LONGEST = 128


class Listed(NamedTuple):
    blobs: list[Blob]
    #: Names that can't be listed, each up to the character that is to blame.
    unlistable: list[str]

    def oldest_first(self) -> list[Blob]:
        return sorted(self.blobs, key=lambda blob: (blob.modified, blob.name))


def list_all(container: Container) -> Listed:
    blobs = container.under_if_listable()
    if blobs is not None:
        return Listed(blobs, [])
    if container.page(BEYOND, "", 1) is None:
        raise Unavailable(f"{container.name} can't be listed at all")
    found = Listed([], [])
    _collect(container, "", "", found)
    return found


def _collect(container: Container, prefix: str, after: str, found: Listed) -> None:
    while True:
        last = _list_until_unlistable(container, prefix, after, found)
        if last is None:
            return
        after = last
        start = prefix + FIRST
        if after < start:
            after = start  # everything before it is unlistable
            if container.page(prefix, after, 1) is not None:
                found.unlistable.append(prefix)
                continue
        child = _prefix_of_unlistable(container, prefix, after)
        if child is None or len(prefix) >= LONGEST:
            found.unlistable.append(prefix)
            return
        _collect(container, child, after, found)
        after = child + BEYOND


def _list_until_unlistable(
    container: Container, prefix: str, after: str, found: Listed
) -> str | None:
    """List up to an unlistable name; return the name before it, or None if there is none."""
    while True:
        for size in PAGES:
            page = container.page(prefix, after, size)
            if page is not None:
                break
        else:
            return after
        found.blobs.extend(page)
        if len(page) < size:
            return None
        after = page[-1].name


def _prefix_of_unlistable(container: Container, prefix: str, after: str) -> str | None:
    """Return the prefix with the next character of the first unlistable name after `after`."""
    known = after[len(prefix) :][:1] if after.startswith(prefix) else ""
    for code in range(ord(max(FIRST, known or FIRST)), ord(LAST) + 1):
        if container.page(prefix + chr(code), after, 1) is None:
            return prefix + chr(code)
    return None
