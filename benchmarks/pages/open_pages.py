"""Pages that are open: each waits for events, and fetches the list of jobs when it has changed."""

import threading
import time
from types import TracebackType
from typing import Self

import httpx

from services.console.web_access import WebAccess

#: As in services/web/static/live.js.
SLOWEST = 1.5
BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip"}


class OpenPages:
    def __init__(self, access: WebAccess, count: int) -> None:
        self._access = access
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._opened = 0
        self._count = count
        #: How often pages were fetched.
        self.fetched = 0
        self._threads = [
            threading.Thread(target=self._open, daemon=True, name="page") for _ in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def wait(self) -> None:
        """Until all are open."""
        while self._opened < self._count:
            time.sleep(0.1)

    def _open(self) -> None:
        with httpx.Client(base_url=self._access.origins[0], timeout=60) as client:
            client.get("/", params={"token": self._access.token})
            with client.stream("GET", "/events") as events:
                with self._lock:
                    self._opened += 1
                last = 0.0
                for line in events.iter_lines():
                    if self._closing.is_set():
                        return
                    if line.startswith("data:"):
                        self._closing.wait(max(0.0, last + SLOWEST - time.monotonic()))
                        client.get("/", headers=BROWSER).raise_for_status()
                        last = time.monotonic()
                        with self._lock:
                            self.fetched += 1
