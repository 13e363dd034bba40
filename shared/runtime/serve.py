"""Runs a service: reads its settings, sets up logs, telemetry and signals, runs its consumer."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from structlog.contextvars import bind_contextvars

from shared import logs
from shared.errors import Misconfigured
from shared.runtime.consumer import Consumer
from shared.runtime.health import answer_http, with_heartbeat
from shared.runtime.heartbeat import beat
from shared.runtime.own_process import run_in_own_process
from shared.runtime.stop import Stop
from shared.settings import Settings, describe_error
from shared.storage import Storage
from shared.telemetry import redaction
from shared.telemetry.exporting import Telemetry
from shared.telemetry.metrics import on_demand
from shared.telemetry.process import HELP, of_process
from shared.telemetry.progress import progress

S = TypeVar("S", bound=Settings)

MISCONFIGURED = 78  # EX_CONFIG: a restart would not help


def serve(
    name: str,
    read_settings: Callable[[], S],
    build: Callable[[Storage, S, Stop], Consumer],
    own_process: bool = False,
) -> None:
    """Build a service's consumer and run it until it leaves.

    With `own_process`, it runs in another process, and this one keeps what that one writes.
    """
    stop = Stop().on_signals()
    telemetry = Telemetry()
    try:
        settings = read_settings()
        redaction.remember([*settings.secrets(), *redaction.secrets_in(os.environ)])
        logs.configure(name, settings.log_level)
        logs.catch_libraries_and_errors()
        storage = Storage(settings)
        if own_process and settings.job_log_days and not sys.stderr.isatty():
            run_in_own_process(storage, name, stop)
        settings = with_heartbeat(settings)
        consumer = build(storage, settings, stop)
        telemetry.export(settings, name)
    except (ValidationError, Misconfigured) as error:
        print(f"{name}: {describe_error(error)}", file=sys.stderr)
        sys.exit(MISCONFIGURED)
    if settings.job_log_days and "write" in consumer.rights.containers.get("logs", ""):
        telemetry.keep_job_logs(storage, name)
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    log = logs.logger()
    if settings.health_port is not None:
        server = answer_http(settings.health_address, settings.health_port, settings.heartbeat)
        if server:  # every line says where it answers, as a free port may be any
            bind_contextvars(http=f"{settings.health_address}:{server.server_port}")
    if settings.heartbeat:
        stop.on_poll(beat(settings.heartbeat, lambda: progress.why_hung(settings.handler_seconds)))
    on_demand("process", HELP, lambda: of_process(consumer.missing_rights))
    if settings.log_metrics_seconds:
        telemetry.log_metrics(settings.log_metrics_seconds)
    log.info("started", pid=os.getpid())
    consumer.run()
    log.info("left")
    telemetry.close()
    if consumer.abandoned:
        sys.stderr.flush()
        os._exit(0)  # the handler's thread keeps the interpreter from exiting
