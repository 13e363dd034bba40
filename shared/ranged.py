"""A seekable file that is read by ranges: a decoder opens a blob without fetching all of it."""

import io
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, cast

RANGE_BYTES = 2 * 1024 * 1024
#: A file is read in turn from a few places: its index and each of its streams.
RANGES_KEPT = 3

ReadRange = Callable[[int, int], bytes]


def ranged(read: ReadRange, size: int) -> BinaryIO:
    """Return a file whose bytes come from `read(start, length)`."""
    return io.BufferedReader(cast(io.RawIOBase, RangedFile(read, size)), 256 * 1024)


class SeekableFile(io.RawIOBase):
    """A file of a known size whose bytes come from `fetch`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        self.at = max(0, base + offset)
        return self.at

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        length = min(len(buffer), self.size - self.at)
        if length <= 0:
            return 0
        data = self.fetch(self.at, length)
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)

    @abstractmethod
    def fetch(self, start: int, length: int) -> bytes:
        """Return from 1 to `length` bytes from `start` on."""


class RangedFile(SeekableFile):
    """Reads whole ranges, and caches the last ones."""

    def __init__(self, read: ReadRange, size: int) -> None:
        super().__init__(size)
        self._read_range = read
        self._ranges: OrderedDict[int, bytes] = OrderedDict()

    def fetch(self, start: int, length: int) -> bytes:
        index, within = divmod(start, RANGE_BYTES)
        return self._range(index)[within : within + length]

    def _range(self, index: int) -> bytes:
        if index not in self._ranges:
            start = index * RANGE_BYTES
            self._ranges[index] = self._read_range(start, min(RANGE_BYTES, self.size - start))
            if len(self._ranges) > RANGES_KEPT:
                self._ranges.popitem(last=False)
        self._ranges.move_to_end(index)
        return self._ranges[index]
