"""Reads HTTP/1.1 messages as bytes, so that a proxy can pass them on unchanged."""

import asyncio
from typing import NamedTuple

BODILESS = {"204", "304"}


class HttpMessage(NamedTuple):
    #: Up to and including the blank line.
    head: bytes
    #: As it was sent, including the framing of chunks.
    body: bytes

    @property
    def words(self) -> list[str]:
        """The first line: method and path, or version and status."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")

    def header(self, name: str) -> str | None:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None

    @property
    def data(self) -> bytes:
        return self.head + self.body


async def read_request(reader: asyncio.StreamReader) -> HttpMessage | None:
    """The next request; None if the client has closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    return await _with_body(reader, HttpMessage(head, b""))


async def read_answer(reader: asyncio.StreamReader, method: str) -> HttpMessage:
    answer = HttpMessage(await reader.readuntil(b"\r\n\r\n"), b"")
    if method == "HEAD" or answer.words[1] in BODILESS:
        return answer
    return await _with_body(reader, answer)


async def _with_body(reader: asyncio.StreamReader, message: HttpMessage) -> HttpMessage:
    if message.header("transfer-encoding") == "chunked":
        return message._replace(body=await _chunks(reader))
    length = int(message.header("content-length") or 0)
    return message._replace(body=await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        found += size + await reader.readexactly(int(size, 16) + 2)
        if int(size, 16) == 0:
            return found
