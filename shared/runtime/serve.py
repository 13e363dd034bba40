"""What every service's `__main__` does: settings, logs, storage, signals, then work."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from shared import logs
from shared.errors import Misconfigured
from shared.runtime.consumer import Consumer
from shared.runtime.heartbeat import beat
from shared.runtime.stop import Stop
from shared.settings import Settings, describe_error
from shared.storage import Storage

S = TypeVar("S", bound=Settings)

MISCONFIGURED = 78  # EX_CONFIG: no restart will help


def serve(
    name: str, read_settings: Callable[[], S], build: Callable[[Storage, S, Stop], Consumer]
) -> None:
    """Build a service's worker and run it to its end."""
    stop = Stop().on_signals()
    try:
        settings = read_settings()
        logs.configure(name, settings.log_level)
        worker = build(Storage(settings), settings, stop)
    except (ValidationError, Misconfigured) as error:
        print(f"{name}: {describe_error(error)}", file=sys.stderr)
        sys.exit(MISCONFIGURED)
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    if settings.heartbeat:
        stop.on_poll(beat(settings.heartbeat))
    log = logs.logger()
    log.info("started", pid=os.getpid())
    worker.run()
    log.info("left")
    if worker.abandoned:
        sys.stderr.flush()
        os._exit(0)  # the handler's thread would hold the interpreter open
