"""Shares what is read for one page with all others that ask for it at about the same time."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")
#: How long pages show again what was read for another one.
AGAIN_SECONDS = 2.0


class Once:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._kept: dict[str, tuple[float, Any]] = {}

    def __call__(self, key: str, read: Callable[[], R]) -> R:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            at, value = self._kept.get(key, (0.0, None))
            if time.monotonic() - at > AGAIN_SECONDS:
                value = read()
                self._keep(key, value)
            result: R = value
            return result

    def _keep(self, key: str, value: object) -> None:
        now = time.monotonic()
        with self._lock:
            self._kept[key] = now, value
            for old in [k for k, (at, _) in self._kept.items() if now - at > AGAIN_SECONDS]:
                self._kept.pop(old)
                self._locks.pop(old, None)

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()
