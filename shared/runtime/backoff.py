"""How long to wait before the next poll of an empty queue, and before a retry."""

import random

FIRST_PAUSE = 0.1
GROWTH = 1.5


class IdlePause:
    """0.1 s after a message, growing up to `longest` while none comes."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next = FIRST_PAUSE

    def reset(self) -> None:
        self._next = FIRST_PAUSE

    def at_most(self, seconds: float) -> None:
        """Make the next pause no longer than this."""
        self._next = min(self._next, seconds)

    def next(self) -> float:
        pause = self._next
        self._next = min(self._longest, self._next * GROWTH)
        return pause


def retry_delay(attempt: int, first: float, longest: float) -> float:
    """Doubles with each attempt, and is jittered so that failed messages don't return together."""
    whole = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return whole * random.uniform(0.5, 1)
