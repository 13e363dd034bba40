"""Messages over a pair of pipes: a JSON header and the bytes after it, both limited in size."""

import json
import os
import select
import struct
from collections.abc import Callable
from typing import Any

from shared.errors import ImpastoError

#: The plan of the longest input is smaller.
MOST_HEADER = 16 << 20
#: A shard of the largest items is smaller.
MOST_BYTES = 1 << 30

Header = dict[str, Any]
LENGTH = struct.Struct(">I")


class ProtocolError(ImpastoError):
    """The other end sent something invalid."""


class Channel:
    """One end. Calls `wait` with a descriptor and a poll event before each read and write."""

    def __init__(self, read: int, write: int, wait: Callable[[int, int], object]) -> None:
        self._read = read
        self._write = write
        self._wait = wait
        self._closed = False

    def send(self, header: Header, data: bytes | memoryview = b"") -> None:
        text = json.dumps(header | {"bytes": len(data)}).encode()
        if len(text) > MOST_HEADER or len(data) > MOST_BYTES:
            raise ProtocolError(f"a message of {len(text):,} + {len(data):,} bytes is too large")
        self._write_all(LENGTH.pack(len(text)) + text)
        self._write_all(data)

    def receive(self) -> tuple[Header, bytes]:
        """Raises EOFError if the other end is closed."""
        [length] = LENGTH.unpack(self._read_exactly(LENGTH.size))
        if length > MOST_HEADER:
            raise ProtocolError(f"a header of {length:,} bytes")
        try:
            header = json.loads(self._read_exactly(length))
        except (ValueError, RecursionError):
            raise ProtocolError("a header that isn't JSON") from None
        size = header.pop("bytes", None) if isinstance(header, dict) else None
        if type(size) is not int or not 0 <= size <= MOST_BYTES:
            raise ProtocolError("a header without a valid size")
        return header, self._read_exactly(size)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._read)
            os.close(self._write)

    def _read_exactly(self, size: int) -> bytes:
        buffer = bytearray(size)
        left = memoryview(buffer)
        while left:
            self._wait(self._read, select.POLLIN)
            got = os.readv(self._read, [left])
            if not got:
                raise EOFError
            left = left[got:]
        return bytes(buffer)

    def _write_all(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._write, select.POLLOUT)
            left = left[os.write(self._write, left) :]
