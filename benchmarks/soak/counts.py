"""Counts the faults of each kind. A fault that was tried without effect isn't counted."""

import threading
from collections import Counter


class Counts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, count: int = 1) -> None:
        with self._lock:
            self._counts[kind] += count

    def counts(self) -> dict[str, int]:
        with self._lock:
            return {kind: count for kind, count in sorted(self._counts.items()) if count}
