"""Runs a consumer in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop


@contextmanager
def consuming(consumer: Consumer, stop: Stop) -> Iterator[None]:
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join()
