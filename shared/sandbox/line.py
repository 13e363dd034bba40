"""A pipe each way. A message is a header of JSON and bytes after it, both capped."""

import json
import os
import select
import struct
from collections.abc import Callable
from typing import Any

from shared.errors import ImpastoError

#: Of a header; the plan of two million frames takes less.
MOST_HEADER = 16 << 20
#: Of the bytes after it; a shard of the largest frames takes less.
MOST_BYTES = 1 << 30

Header = dict[str, Any]
LENGTH = struct.Struct(">I")


class BrokenProtocol(ImpastoError):
    """The other side said what makes no sense."""


class Line:
    """One end. `wait` is told the descriptor and the event (of select) that is waited for."""

    def __init__(self, read: int, write: int, wait: Callable[[int, int], object]) -> None:
        self._read = read
        self._write = write
        self._wait = wait
        self._closed = False

    def send(self, header: Header, data: bytes | memoryview = b"") -> None:
        text = json.dumps(header | {"bytes": len(data)}).encode()
        if len(text) > MOST_HEADER or len(data) > MOST_BYTES:
            raise BrokenProtocol(f"{len(text):,} + {len(data):,} bytes are too much to say")
        self._put(LENGTH.pack(len(text)) + text)
        self._put(data)

    def receive(self) -> tuple[Header, bytes]:
        """EOFError where the other end is gone."""
        [length] = LENGTH.unpack(self._take(LENGTH.size))
        if length > MOST_HEADER:
            raise BrokenProtocol(f"a header of {length:,} bytes")
        try:
            header = json.loads(self._take(length))
        except (ValueError, RecursionError):
            raise BrokenProtocol("a header that isn't JSON") from None
        size = header.pop("bytes", None) if isinstance(header, dict) else None
        if type(size) is not int or not 0 <= size <= MOST_BYTES:
            raise BrokenProtocol("a header without its size, or with one that is too large")
        return header, self._take(size)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._read)
            os.close(self._write)

    def _take(self, size: int) -> bytes:
        buffer = bytearray(size)
        left = memoryview(buffer)
        while left:
            self._wait(self._read, select.POLLIN)
            got = os.readv(self._read, [left])
            if not got:
                raise EOFError
            left = left[got:]
        return bytes(buffer)

    def _put(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._write, select.POLLOUT)
            left = left[os.write(self._write, left) :]
