"""The files of one run, served to its child by ranges: it knows their names here, and no others."""

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import BinaryIO, NamedTuple

from shared.errors import ChildDied
from shared.sandbox.protocol import (
    MOST_RANGE,
    Anything,
    Open,
    Read,
    ReadBack,
    Truncate,
    Write,
)

#: By the name under which a task opens it; opened here when it does. Of a row, as `segment/0`,
#: `segment/1`, one is open at a time.
Files = Mapping[str, Callable[[], BinaryIO]]
Reply = tuple[dict[str, object], bytes]


class Output(NamedTuple):
    """The one file that a task may write, and how long it may become."""

    file: BinaryIO
    most: int


class Served:
    def __init__(self, files: Files, output: Output | None) -> None:
        self._files = files
        self._output = output
        self._open: dict[str, BinaryIO] = {}

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._open.values():
            file.close()

    def answer(self, asked: Anything, data: bytes) -> Reply | None:
        if isinstance(asked, Open):
            return {"kind": "size", "size": self._opened(asked.file)}, b""
        if isinstance(asked, Read) and asked.file in self._open:
            return {"kind": "read"}, part(self._open[asked.file], asked.start, asked.length)
        if isinstance(asked, ReadBack) and self._output:
            return {"kind": "read"}, part(self._output.file, asked.start, asked.length)
        if isinstance(asked, Write) and self._output:
            if len(data) > MOST_RANGE or asked.start + len(data) > self._output.most:
                raise ChildDied(f"it would write over {self._output.most:,} bytes")
            self._output.file.seek(asked.start)
            self._output.file.write(data)
            return None
        if isinstance(asked, Truncate) and self._output:
            self._output.file.truncate(0)
            return None
        raise ChildDied(f"it asked for what it may not have ({asked.kind})")

    def _opened(self, name: str) -> int:
        if name not in self._files:
            raise ChildDied("it asked for a file that isn't there")
        row = name.partition("/")[0]
        for other in [each for each in self._open if each.partition("/")[0] == row]:
            self._open.pop(other).close()
        file = self._open[name] = self._files[name]()
        return file.seek(0, os.SEEK_END)


def part(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
