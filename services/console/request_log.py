"""Reads Azurite's log of requests, and rings for uploads: no service has to look for them often."""

import re
import sys
from pathlib import Path
from typing import BinaryIO

from services.console.accounts import WORK
from shared.bells import UPLOADS, ring
from shared.runtime.stop import Stop

#: Such as `127.0.0.1 - - [date] "PUT /account/input/a.mp4 HTTP/1.1" 201 -`; a copy is a 202.
REQUEST = re.compile(rb'^\S+ - - \[[^]]+\] "([A-Z]+) /(\w+)/([\w-]+)/(\S+) HTTP/[\d.]+" (\d+)')
ANY_REQUEST = re.compile(rb'^\S+ - - \[[^]]+\] "')
#: Of a blob that isn't complete yet.
PART = re.compile(rb"[?&]comp=block(?!list)")
DONE = (b"201", b"202")
#: Who uploads with `impasto submit` announces it by itself within this time.
ANNOUNCE_SECONDS = 0.3


class RequestLog:
    def __init__(self, bells: Path | None, silent: bool) -> None:
        """If it is silent, requests aren't printed."""
        self._bells = bells
        self._silent = silent
        if bells:
            bells.mkdir(parents=True, exist_ok=True)
            (bells / UPLOADS).touch()

    def read(self, lines: BinaryIO, stop: Stop) -> None:
        """Until Azurite's end, which ends this process."""
        for line in lines:
            if container := uploaded_to(line):
                ring(self._bells, container, ANNOUNCE_SECONDS)
            if not (self._silent and ANY_REQUEST.match(line)):
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
        stop.request()


def uploaded_to(line: bytes) -> str | None:
    """The container of the media account that a request has put a whole blob into."""
    found = REQUEST.match(line)
    if found is None or found[1] != b"PUT" or found[5] not in DONE:
        return None
    if found[2] == WORK.encode() or PART.search(found[4]):
        return None
    return found[3].decode()
