"""Counts the requests in Azurite's access log by what they do.

Polling, which goes on without work, is counted apart from requests that frames cause.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from services.console import azurite

#: Azurite's flags, with the access log.
LOGGING_FLAGS = [flag for flag in azurite.FLAGS if flag != "--silent"]
REQUEST = re.compile(r'"(?P<verb>[A-Z]+) /(?P<path>[^ ?]*)\??(?P<query>[^ ]*) HTTP/[\d.]+" \d+')

BLOBS, QUEUES = "storage", "queues"


class Kind(NamedTuple):
    account: str
    name: str
    #: Whether it is polling.
    timed: bool = False


RECEIVE = Kind(QUEUES, "receives, with or without a message")
DELETED = Kind(QUEUES, "messages deleted")
#: Of one blob, or of up to 256 in one request.
DELETIONS = Kind(BLOBS, "deletions")
EMPTY = Kind(QUEUES, "receives without a message", timed=True)


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
        # The trigger lists these two containers; other listings are of one job.
        return Kind(BLOBS, f"listings of `{container}`", timed=container in ("input", "styles"))
    if "comp=batch" in query:
        return DELETIONS
    if "restype=container" in query:
        return Kind(BLOBS, "other requests of containers")
    return Kind(QUEUES, "reads of a queue's length", timed=True)


def message_kind(verb: str, query: str) -> Kind:
    if verb == "GET":
        return Kind(QUEUES, "peeks", timed=True) if "peekonly=true" in query else RECEIVE
    if verb == "DELETE":
        return DELETED
    return Kind(QUEUES, "messages sent" if verb == "POST" else "leases renewed")


def blob_kind(verb: str, query: str) -> Kind:
    if "comp=lease" in query:
        return Kind(BLOBS, "leases")
    if "comp=appendblock" in query:
        return Kind(BLOBS, "appends to jobs' logs")
    names = {"GET": "reads", "HEAD": "reads of properties", "PUT": "writes"}
    return DELETIONS if verb == "DELETE" else Kind(BLOBS, names[verb])


def count_requests(lines: Iterable[str]) -> Counter[Kind]:
    """Each received message was deleted in the end, so all other receives found none."""
    found = Counter(known for line in lines if (known := kind(line)))
    receives = found.pop(RECEIVE, 0)
    found[Kind(QUEUES, "messages received")] = found[DELETED]
    found[EMPTY] = receives - found[DELETED]
    return found
