"""Prefetch is bounded, passes errors on, and leaves no thread behind."""

import threading
from collections.abc import Generator

import pytest

from shared.prefetch import prefetch


def test_prefetch_is_bounded() -> None:
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


def test_an_error_is_raised_after_the_values_before_it() -> None:
    def source() -> Generator[int]:
        yield 1
        raise ValueError("no more")

    values = prefetch(source(), 4)
    assert next(values) == 1
    with pytest.raises(ValueError, match="no more"):
        next(values)


def test_a_consumer_that_stops_early_closes_the_source_and_ends_its_thread() -> None:
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
