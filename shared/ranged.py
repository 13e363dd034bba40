"""A blob as a seekable file, read by ranges: a decoder opens it without fetching all of it."""

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, cast

RANGE_BYTES = 2 * 1024 * 1024
#: A demuxer hops between a few places: the index, the pictures, the sound.
RANGES_KEPT = 3

ReadRange = Callable[[int, int], bytes]


def ranged(read: ReadRange, size: int) -> BinaryIO:
    """`read` is told where to start and how many bytes to fetch."""
    return io.BufferedReader(cast(io.RawIOBase, RangedFile(read, size)), 256 * 1024)


class RangedFile(io.RawIOBase):
    def __init__(self, read: ReadRange, size: int) -> None:
        self._read_range = read
        self._size = size
        self._position = 0
        self._ranges: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._position >= self._size:
            return 0
        index, within = divmod(self._position, RANGE_BYTES)
        piece = self._range(index)[within : within + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _range(self, index: int) -> bytes:
        if index not in self._ranges:
            start = index * RANGE_BYTES
            self._ranges[index] = self._read_range(start, min(RANGE_BYTES, self._size - start))
            if len(self._ranges) > RANGES_KEPT:
                self._ranges.popitem(last=False)
        self._ranges.move_to_end(index)
        return self._ranges[index]
