"""Server-sent events: tells open pages what has changed; they fetch what they show of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.web.board import Board

#: A comment is sent so often, so that a dead connection is noticed.
PING_SECONDS = 15.0
RETRY = "retry: 2000\n\n"


class Live:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self.closing = False
        board.on_change(self._changed)

    def begin(self) -> None:
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """End all streams; from any thread."""
        self.closing = True
        self._changed()

    def _changed(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    async def answer(self, _request: Request) -> Response:
        return StreamingResponse(
            self._events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self) -> AsyncIterator[str]:
        """All versions first, then those that change."""
        event = asyncio.Event()
        self._waiting.add(event)
        self._board.watchers += 1
        self._board.look()
        told: Mapping[str, str] = {}
        try:
            yield RETRY
            while not self.closing:
                event.clear()  # before the versions are read, so that no change is missed
                versions = self._board.state.versions
                if new := {name: v for name, v in versions.items() if told.get(name) != v}:
                    yield f"event: changed\ndata: {json.dumps(new)}\n\n"
                    told = versions
                try:
                    await asyncio.wait_for(event.wait(), PING_SECONDS)
                except TimeoutError:
                    yield ": ping\n\n"
        finally:
            self._waiting.discard(event)
            self._board.watchers -= 1
