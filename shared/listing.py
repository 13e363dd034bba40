"""Listing a container in which a name has a character that no listing can hold.

XML has no control characters, so Azurite answers each listing that would have such a name in it
with 500 and without a code. Such names are found here by listings of ever longer prefixes. That
takes up to a hundred requests for each character of them. Where the character to blame comes after
one that isn't ASCII, all names that begin alike up to that one and come later are left out, too.
"""

from typing import NamedTuple

from shared.blobs import Blob, Container
from shared.errors import Unavailable

#: Tried in turn: up to the name that can't be listed, all others are fetched many at a time.
PAGES = (1024, 64, 8, 1)
#: What a name may go on with; a control character comes before all of them.
FIRST, LAST = " ", "~"
#: After all names with a prefix that goes on with one of them.
BEYOND = "\ufffd"
#: How far a name is looked into.
LONGEST = 128


class Listed(NamedTuple):
    blobs: list[Blob]
    #: The beginnings of names that can't be listed, up to the character that is to blame.
    hidden: list[str]

    def oldest_first(self) -> list[Blob]:
        return sorted(self.blobs, key=lambda blob: (blob.modified, blob.name))


def list_all(container: Container) -> Listed:
    every = container.under_if_listable()
    if every is not None:
        return Listed(every, [])
    if container.page(BEYOND, "", 1) is None:
        raise Unavailable(f"{container.name} can't be listed at all")
    found = Listed([], [])
    _collect(container, "", "", found)
    return found


def _collect(container: Container, prefix: str, after: str, found: Listed) -> None:
    while True:
        last = _to_the_next_hidden(container, prefix, after, found)
        if last is None:
            return
        after = last
        start = prefix + FIRST
        if after < start:
            after = start  # there is none but what is hidden before it
            if container.page(prefix, after, 1) is not None:
                found.hidden.append(prefix)
                continue
        child = _child_with_next(container, prefix, after)
        if child is None or len(prefix) >= LONGEST:
            found.hidden.append(prefix)
            return
        _collect(container, child, after, found)
        after = child + BEYOND


def _to_the_next_hidden(container: Container, prefix: str, after: str, found: Listed) -> str | None:
    """Take what can be listed; the name after which comes one that can't be, or None."""
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


def _child_with_next(container: Container, prefix: str, after: str) -> str | None:
    """The prefix, longer by a character, of the name that comes next and can't be listed."""
    known = after[len(prefix) :][:1] if after.startswith(prefix) else ""
    for code in range(ord(max(FIRST, known or FIRST)), ord(LAST) + 1):
        if container.page(prefix + chr(code), after, 1) is None:
            return prefix + chr(code)
    return None
