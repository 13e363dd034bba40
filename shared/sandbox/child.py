"""The child process: it warms up, confines itself for good, and runs one task at a time.

    python -m shared.sandbox.child MODULE READ WRITE PARENT MEMORY_MIB

READ and WRITE are its ends of the pipes. MODULE has `TASKS`, a dict of generators by name that
yield `(value, bytes)`, and `warm_up()`, after which they must not import or open anything.
"""

import importlib
import os
import pkgutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from shared.errors import ImpastoError, Refused
from shared.sandbox.channel import Channel
from shared.sandbox.files import TaskFiles
from shared.sandbox.limits import limit_files, limit_memory
from shared.sandbox.protocol import MOST_TEXT
from shared.sandbox.seccomp import confine

Task = Callable[..., Iterator[tuple[Any, bytes]]]


def main(module: str, read: str, write: str, parent: str, memory_mib: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with, args=(int(parent),), daemon=True).start()
    channel = Channel(int(read), int(write), lambda _descriptor, _event: None)
    memory = int(memory_mib)
    try:
        limit_memory(memory)
        found = importlib.import_module(module)
        found.warm_up()
        warm_up()
        limit_files()
        unconfined = confine()
    except BaseException:
        channel.send(failed("error", traceback.format_exc()[-MOST_TEXT:]))
        raise
    channel.send({"kind": "ready", "unconfined": unconfined})
    while True:
        header, _ = channel.receive()
        channel.send(run_task(channel, found.TASKS, header, memory))


def run_task(
    channel: Channel, tasks: dict[str, Task], header: dict[str, Any], memory: int
) -> dict[str, str]:
    """Send the task's results; returns the last message, which says how it ended."""
    try:
        for value, data in tasks[header["task"]](TaskFiles(channel), **header["args"]):
            channel.send({"kind": "item", "value": value}, data)
        return {"kind": "end"}
    except (EOFError, BrokenPipeError):
        raise
    except MemoryError:
        return failed("memory", f"it needed over {memory} MiB of memory")
    except Refused as refusal:
        return failed("refused", str(refusal))
    except Exception as error:
        return failed("error", f"{error!r} in a child process:\n{traceback.format_exc()}")


def failed(how: str, text: str) -> dict[str, str]:
    return {"kind": "failed", "how": how, "text": text[:MOST_TEXT]}


def import_all(package: str) -> None:
    """For the `warm_up` of tasks: some libraries import modules only when a file needs them."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def warm_up() -> None:
    """Make Python import what it needs to format a traceback."""
    try:
        raise ImpastoError
    except ImpastoError:
        traceback.format_exc()


def exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (EOFError, BrokenPipeError):
        os._exit(0)
