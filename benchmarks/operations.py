"""What reaches storage, counted: Azurite's own access log, request by request.

What is asked by the clock, whether there is work or not, is told apart from what a frame costs.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from services.console import azurite

#: Azurite as any other, but that it says what it was asked.
TALKATIVE = [flag for flag in azurite.FLAGS if flag != "--silent"]
REQUEST = re.compile(r'"(?P<verb>[A-Z]+) /(?P<path>[^ ?]*)\??(?P<query>[^ ]*) HTTP/[\d.]+" \d+')

BLOBS, QUEUES = "storage", "queues"


class Kind(NamedTuple):
    account: str
    name: str
    #: Whether it is asked by the clock.
    timed: bool = False


LOOK = Kind(QUEUES, "looks that may find a message")
DELETED = Kind(QUEUES, "messages deleted")
#: Of one blob, or of up to 256 with one request.
DELETIONS = Kind(BLOBS, "deletions")
EMPTY = Kind(QUEUES, "looks that found none", timed=True)


def kind(line: str) -> Kind | None:
    found = REQUEST.search(line)
    if not found:
        return None
    verb, query = found["verb"], found["query"]
    _account, container, *blob = found["path"].split("/")
    if blob and blob[0] == "messages":
        return message_kind(verb, query)
    if blob:
        return blob_kind(verb, query)
    return container_kind(container, query)


def container_kind(container: str, query: str) -> Kind:
    if "comp=list" in query:
        # The trigger's; everybody else lists a job's own.
        return Kind(BLOBS, f"listings of `{container}`", timed=container in ("input", "styles"))
    if "comp=batch" in query:
        return DELETIONS
    if "restype=container" in query:
        return Kind(BLOBS, "others of containers")
    return Kind(QUEUES, "questions how long a queue is", timed=True)


def message_kind(verb: str, query: str) -> Kind:
    if verb == "GET":
        return Kind(QUEUES, "peeks", timed=True) if "peekonly=true" in query else LOOK
    if verb == "DELETE":
        return DELETED
    return Kind(QUEUES, "messages sent" if verb == "POST" else "leases renewed")


def blob_kind(verb: str, query: str) -> Kind:
    if "comp=lease" in query:
        return Kind(BLOBS, "claims")
    names = {"GET": "reads", "HEAD": "questions for properties", "PUT": "writes"}
    return DELETIONS if verb == "DELETE" else Kind(BLOBS, names[verb])


def counted(lines: Iterable[str]) -> Counter[Kind]:
    """A message that was found was deleted in the end: all other looks found none."""
    found = Counter(known for line in lines if (known := kind(line)))
    looks = found.pop(LOOK, 0)
    found[Kind(QUEUES, "messages received")] = found[DELETED]
    found[EMPTY] = looks - found[DELETED]
    return found
