"""Waits for a condition, as long as a slow machine may need."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str, within: float = 600) -> T:
    """The first true result of `condition`; an AssertionError if there is none in time."""
    until = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {within} s")
        time.sleep(0.02)
    return found
