"""Serves the files of one run to its child by byte ranges, and no other files."""

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import BinaryIO, NamedTuple

from shared.errors import ChildDied
from shared.sandbox.protocol import (
    MOST_RANGE,
    AnyMessage,
    Open,
    Read,
    ReadBack,
    Truncate,
    Write,
)

#: How to open each file that the task may open, by name. Of names with the same part before `/`,
#: such as `segment/0` and `segment/1`, one file is open at a time.
Files = Mapping[str, Callable[[], BinaryIO]]
Reply = tuple[dict[str, object], bytes]


class Output(NamedTuple):
    """The one file that a task may write, and its largest size in bytes."""

    file: BinaryIO
    most: int


class FileServer:
    def __init__(self, files: Files, output: Output | None) -> None:
        self._files = files
        self._output = output
        self._open: dict[str, BinaryIO] = {}

    def __enter__(self) -> "FileServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._open.values():
            file.close()

    def answer(self, message: AnyMessage, data: bytes) -> Reply | None:
        if isinstance(message, Open):
            return {"kind": "size", "size": self._open_file(message.file)}, b""
        if isinstance(message, Read) and message.file in self._open:
            file = self._open[message.file]
            return {"kind": "read"}, read_range(file, message.start, message.length)
        if isinstance(message, ReadBack) and self._output:
            return {"kind": "read"}, read_range(self._output.file, message.start, message.length)
        if isinstance(message, Write) and self._output:
            if len(data) > MOST_RANGE or message.start + len(data) > self._output.most:
                raise ChildDied(f"it tried to write over {self._output.most:,} bytes")
            self._output.file.seek(message.start)
            self._output.file.write(data)
            return None
        if isinstance(message, Truncate) and self._output:
            self._output.file.truncate(0)
            return None
        raise ChildDied(f"it sent a message that isn't allowed ({message.kind})")

    def _open_file(self, name: str) -> int:
        if name not in self._files:
            raise ChildDied("it tried to open a file that isn't there")
        group = name.partition("/")[0]
        for other in [each for each in self._open if each.partition("/")[0] == group]:
            self._open.pop(other).close()
        file = self._open[name] = self._files[name]()
        return file.seek(0, os.SEEK_END)


def read_range(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
