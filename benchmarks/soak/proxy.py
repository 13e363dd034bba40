"""A proxy in front of storage that answers slowly, wrongly, with a refusal or not at all.

Requests are passed on unchanged: their signature covers path and headers, not the port.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Self

from benchmarks.soak.counts import Counts
from benchmarks.soak.http_bytes import HttpMessage, read_answer, read_request
from services.console.accounts import HOST

#: Called with each request and its answer.
Observer = Callable[[HttpMessage, HttpMessage], None]


class Fault(StrEnum):
    SLOW = "slow answer"
    RESET_BEFORE = "reset before storage did it"
    RESET_AFTER = "reset after storage did it"
    ERROR_500 = "500"
    BUSY_503 = "503 with Retry-After"
    HALF = "half an answer"
    FORBIDDEN = "403"


#: The fault that a request meets.
ChooseFault = Callable[[HttpMessage], Fault | None]
#: Faults that any request may meet by chance.
BY_CHANCE = [fault for fault in Fault if fault != Fault.FORBIDDEN]
SLOW_SECONDS = 1.0
REFUSALS = {
    Fault.ERROR_500: b"HTTP/1.1 500 Out of order\r\ncontent-length: 0\r\n\r\n",
    Fault.BUSY_503: b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
    Fault.FORBIDDEN: b"HTTP/1.1 403 This request is not authorized\r\n"
    b"x-ms-error-code: AuthorizationPermissionMismatch\r\ncontent-length: 0\r\n\r\n",
}
#: SO_LINGER options that make close() send a reset.
AT_ONCE = struct.pack("ii", 1, 0)


class Faults:
    """Which fault a request meets: any, with a chance; 403, in a container that is forbidden."""

    def __init__(self) -> None:
        self.chance = 0.0
        #: A container or queue that every request is refused to.
        self.forbidden: str | None = None

    def next(self, request: HttpMessage) -> Fault | None:
        path = request.words[1].split("?")[0] + "/"
        if self.forbidden and f"/{self.forbidden}/" in path:
            return Fault.FORBIDDEN
        return random.choice(BY_CHANCE) if random.random() < self.chance else None


class Proxy:
    """Listens on a free port, in a thread, until the context ends."""

    def __init__(
        self,
        upstream: int,
        choose_fault: ChooseFault,
        counts: Counts,
        observe: Observer | None = None,
    ) -> None:
        self._upstream = upstream
        self._choose_fault = choose_fault
        self._counts = counts
        self._observe = observe
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._attend, HOST, 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) and await self._answer(request, writer):
                pass
        except (OSError, EOFError, asyncio.CancelledError):
            reset(writer)  # storage or the client has gone, or the proxy is closing
        finally:
            writer.close()

    async def _answer(self, request: HttpMessage, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection may be used again."""
        fault = self._choose_fault(request)
        if fault == Fault.RESET_BEFORE:
            return self._reset(writer, fault)
        if fault in REFUSALS:
            return await self._tell(writer, REFUSALS[fault], fault)
        if fault == Fault.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        answer = await self._ask_storage(request)
        if fault == Fault.RESET_AFTER:
            return self._reset(writer, fault)
        if fault == Fault.HALF and len(answer.body) > 1:
            half = answer.head + answer.body[: len(answer.body) // 2]
            await self._tell(writer, half, fault)
            return False
        told = await self._tell(writer, answer.data, fault if fault == Fault.SLOW else None)
        if self._observe:
            self._observe(request, answer)
        return told

    async def _ask_storage(self, request: HttpMessage) -> HttpMessage:
        """A new connection each time: storage may have closed one that was kept."""
        reader, writer = await asyncio.open_connection(HOST, self._upstream)
        try:
            writer.write(request.data)
            return await read_answer(reader, request.words[0])
        finally:
            reset(writer)

    def _reset(self, writer: asyncio.StreamWriter, fault: Fault) -> bool:
        reset(writer)
        self._counts.add(fault)
        return False

    async def _tell(self, writer: asyncio.StreamWriter, data: bytes, fault: Fault | None) -> bool:
        writer.write(data)
        await writer.drain()
        if fault:
            self._counts.add(fault)
        return True


def reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
