"""Runs a service: reads its settings, sets up logs and signals, and runs its consumer."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from shared import logs
from shared.errors import Misconfigured
from shared.runtime.consumer import Consumer
from shared.runtime.health import answer_probes
from shared.runtime.heartbeat import beat
from shared.runtime.stop import Stop
from shared.settings import Settings, describe_error
from shared.storage import Storage

S = TypeVar("S", bound=Settings)

MISCONFIGURED = 78  # EX_CONFIG: a restart would not help


def serve(
    name: str, read_settings: Callable[[], S], build: Callable[[Storage, S, Stop], Consumer]
) -> None:
    """Build a service's consumer and run it until it leaves."""
    stop = Stop().on_signals()
    try:
        settings = read_settings()
        logs.configure(name, settings.log_level)
        consumer = build(Storage(settings), settings, stop)
    except (ValidationError, Misconfigured) as error:
        print(f"{name}: {describe_error(error)}", file=sys.stderr)
        sys.exit(MISCONFIGURED)
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    if settings.heartbeat:
        stop.on_poll(beat(settings.heartbeat))
        if settings.health_port:
            answer_probes(settings.health_port, settings.heartbeat)
    log = logs.logger()
    log.info("started", pid=os.getpid())
    consumer.run()
    log.info("left")
    if consumer.abandoned:
        sys.stderr.flush()
        os._exit(0)  # the handler's thread keeps the interpreter from exiting
