"""Runs a generator ahead of its consumer, in another thread."""

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple, TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1


class Failed(NamedTuple):
    error: BaseException


def prefetch(source: Generator[T], depth: int) -> Generator[T]:
    """Yield what the source yields. It runs in its own thread, at most `depth` values ahead."""
    ready: queue.Queue[T | Failed | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(value: T | Failed | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(value, timeout=POLL_SECONDS)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            with closing(source):
                for value in source:
                    put(value)
                    if stopped.is_set():
                        return
            put(None)
        except BaseException as error:
            put(Failed(error))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while (value := ready.get()) is not None:
            if isinstance(value, Failed):
                raise value.error
            yield value
    finally:
        stopped.set()
        thread.join()
