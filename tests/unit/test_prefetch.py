"""What is made ahead of its taker: so much and no more, and nothing is left running."""

import threading
from collections.abc import Generator

import pytest

from shared.prefetch import prefetch


def test_ahead_is_bounded() -> None:
    made: list[int] = []

    def source() -> Generator[int]:
        for n in range(100):
            made.append(n)
            yield n

    values = prefetch(source(), 4)
    assert next(values) == 0
    for n in range(1, 50):
        assert next(values) == n
        assert len(made) <= n + 1 + 4 + 2
    values.close()


def test_what_goes_wrong_is_told_in_its_place() -> None:
    def source() -> Generator[int]:
        yield 1
        raise ValueError("no more")

    values = prefetch(source(), 4)
    assert next(values) == 1
    with pytest.raises(ValueError, match="no more"):
        next(values)


def test_left_early_the_source_is_closed_and_its_thread_ends() -> None:
    closed = threading.Event()

    def source() -> Generator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    values = prefetch(source(), 1)
    next(values)
    values.close()
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
