"""The child: it warms up, gives up all that it may do but answer, and serves one task at a time.

    python -m shared.sandbox.child MODULE READ WRITE PARENT MEMORY_MIB

READ and WRITE are its ends of the pipes. MODULE has `TASKS`, generators by name that yield
`(value, bytes)`, and `warm_up()`, after which they must not import or open anything.
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
from shared.sandbox.files import TaskFiles
from shared.sandbox.limits import limit_files, limit_memory
from shared.sandbox.line import Line
from shared.sandbox.protocol import MOST_TEXT
from shared.sandbox.seccomp import confine

Task = Callable[..., Iterator[tuple[Any, bytes]]]


def main(module: str, read: str, write: str, parent: str, memory_mib: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with, args=(int(parent),), daemon=True).start()
    line = Line(int(read), int(write), lambda _descriptor, _event: None)
    memory = int(memory_mib)
    try:
        limit_memory(memory)
        found = importlib.import_module(module)
        found.warm_up()
        warm_up()
        limit_files()
        unconfined = confine()
    except BaseException:
        line.send({"kind": "failed", "how": "error", "text": traceback.format_exc()[-MOST_TEXT:]})
        raise
    line.send({"kind": "ready", "unconfined": unconfined})
    while True:
        header, _ = line.receive()
        line.send(outcome(line, found.TASKS, header, memory))


def outcome(
    line: Line, tasks: dict[str, Task], header: dict[str, Any], memory: int
) -> dict[str, str]:
    try:
        for value, data in tasks[header["task"]](TaskFiles(line), **header["args"]):
            line.send({"kind": "item", "value": value}, data)
        return {"kind": "end"}
    except (EOFError, BrokenPipeError):
        raise
    except MemoryError:
        return failed("memory", f"it wanted over {memory} MiB of memory")
    except Refused as refusal:
        return failed("refused", str(refusal))
    except Exception as error:
        return failed("error", f"{error!r} in a child process:\n{traceback.format_exc()}")


def failed(how: str, text: str) -> dict[str, str]:
    return {"kind": "failed", "how": how, "text": text[:MOST_TEXT]}


def import_all(package: str) -> None:
    """For tasks' own warm_up: some libraries import a part only when a file asks for it."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def warm_up() -> None:
    """What Python imports when it is first needed."""
    try:
        raise ImpastoError
    except ImpastoError:
        traceback.format_exc()


def end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (EOFError, BrokenPipeError):
        os._exit(0)
