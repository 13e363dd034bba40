"""Waiting for what must happen, for as long as a slow machine may need."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, within: float = 60) -> T:
    until = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {within} s")
        time.sleep(0.02)
    return found
