"""The files of a task, as its child opens them: it asks the parent for every byte range."""

import io
from typing import BinaryIO, cast

from shared.ranged import SeekableFile
from shared.sandbox.channel import Channel
from shared.sandbox.protocol import MOST_RANGE

#: Bytes fetched at once: files are mostly read sequentially.
BUFFER = 256 * 1024


class TaskFiles:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def open(self, name: str) -> BinaryIO:
        self._channel.send({"kind": "open", "file": name})
        header, _ = self._channel.receive()
        file = RemoteFile(self._channel, name, header["size"])
        return io.BufferedReader(cast(io.RawIOBase, file), BUFFER)

    def output(self) -> BinaryIO:
        return cast(BinaryIO, OutputFile(self._channel))


class RemoteFile(SeekableFile):
    def __init__(self, channel: Channel, name: str, size: int) -> None:
        super().__init__(size)
        self._channel = channel
        self._name = name

    def fetch(self, start: int, length: int) -> bytes:
        length = min(length, MOST_RANGE)
        self._channel.send({"kind": "read", "file": self._name, "start": start, "length": length})
        return self._channel.receive()[1]


class OutputFile(SeekableFile):
    """The file that a task writes, in any order; what is written can be read again."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(0)
        self._channel = channel

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        for first in range(0, len(view), MOST_RANGE):
            piece = view[first : first + MOST_RANGE]
            self._channel.send({"kind": "write", "start": self.at}, piece)
            self.at += len(piece)
            self.size = max(self.size, self.at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        assert not size
        self._channel.send({"kind": "truncate"})
        self.at = self.size = 0
        return 0

    def fetch(self, start: int, length: int) -> bytes:
        length = min(length, MOST_RANGE)
        self._channel.send({"kind": "read back", "start": start, "length": length})
        return self._channel.receive()[1]
