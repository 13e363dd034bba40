"""Sends messages and measures the time, for every runtime."""

import json
import sys
import time
from collections.abc import Callable


def send_all(send: Callable[[int], object]) -> None:
    """Send as many as the command line says; print the seconds and CPU seconds."""
    count = int(sys.argv[1])
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        send(number)
    spent = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps(spent))
