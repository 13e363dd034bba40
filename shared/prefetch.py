"""Side by side in one process: what one thread makes, another takes."""

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple, TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.1


class Failed(NamedTuple):
    error: BaseException


def prefetch(source: Generator[T], depth: int) -> Generator[T]:
    """What a source yields, made in a thread of its own, at most so many ahead."""
    ready: queue.Queue[T | Failed | None] = queue.Queue(depth)
    left = threading.Event()

    def put(value: T | Failed | None) -> None:
        while not left.is_set():
            try:
                ready.put(value, timeout=LOOK_SECONDS)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            with closing(source):
                for value in source:
                    put(value)
                    if left.is_set():
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
        left.set()
        thread.join()
