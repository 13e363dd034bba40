"""Files as a child has them: every range is asked of its parent."""

import io
from typing import BinaryIO, cast

from shared.ranged import SeekableFile
from shared.sandbox.line import Line
from shared.sandbox.protocol import MOST_RANGE

#: Fetched at once: a demuxer reads on from where it is, most of the time.
BUFFER = 256 * 1024


class TaskFiles:
    """Opens the files that a task was given."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def open(self, name: str) -> BinaryIO:
        self._line.send({"kind": "open", "file": name})
        header, _ = self._line.receive()
        file = RemoteFile(self._line, name, header["size"])
        return io.BufferedReader(cast(io.RawIOBase, file), BUFFER)

    def output(self) -> BinaryIO:
        return cast(BinaryIO, OutputFile(self._line))


class RemoteFile(SeekableFile):
    def __init__(self, line: Line, name: str, size: int) -> None:
        super().__init__(size)
        self._line = line
        self._name = name

    def fetch(self, start: int, length: int) -> bytes:
        length = min(length, MOST_RANGE)
        asked = {"kind": "read", "file": self._name, "start": start, "length": length}
        self._line.send(asked)
        return self._line.receive()[1]


class OutputFile(SeekableFile):
    """What a task makes: written from anywhere, and read again by `again`."""

    def __init__(self, line: Line) -> None:
        super().__init__(0)
        self._line = line

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        for first in range(0, len(view), MOST_RANGE):
            piece = view[first : first + MOST_RANGE]
            self._line.send({"kind": "write", "start": self.at}, piece)
            self.at += len(piece)
            self.size = max(self.size, self.at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        assert not size
        self._line.send({"kind": "truncate"})
        self.at = self.size = 0
        return 0

    def fetch(self, start: int, length: int) -> bytes:
        length = min(length, MOST_RANGE)
        self._line.send({"kind": "read back", "start": start, "length": length})
        return self._line.receive()[1]
