"""The log format of all services: JSON lines of one grammar, or colours on a terminal.

Every line has `timestamp`, `level`, `event`, `service`, `version`, `replica`, and `job`, `segment`,
`chunk`, `attempt`, `trace_id` and `span_id`, which are null where a line is about none. Lines of
libraries, warnings and uncaught errors have the same form. No line has a key, signature or token.
"""

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib import metadata
from types import TracebackType
from typing import cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from shared.telemetry import spans
from shared.telemetry.redaction import redacted

#: Of every line, in this order.
GRAMMAR = (
    "timestamp",
    "level",
    "event",
    "service",
    "version",
    "replica",
    "job",
    "segment",
    "chunk",
    "attempt",
    "trace_id",
    "span_id",
)
#: Called with the job and the text of each line that is about a job.
Keep = Callable[[str, str], None]
_keep: list[Keep] = []


def configure(service: str, level: str = "info") -> None:
    constant = {"service": service, "version": version(), "replica": replica()}

    def add_process(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        return {**constant, **line}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_ids,
    ]
    if sys.stderr.isatty():
        # Rich's tracebacks, the default, show the values of variables: keys are among them.
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(exception_formatter=plain)
        last: list[Processor] = [keep_for_its_job, without_nulls, lambda *a: redacted(console(*a))]
    else:
        last = [as_line]
    structlog.configure(
        processors=shared + last,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())


def version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def replica() -> str:
    """The process that was started as this service, which may run it in another one."""
    return f"{socket.gethostname()}:{os.getpid()}"


def keep_lines(keep: Keep) -> None:
    """Also call this with each line that is about a job."""
    _keep[:] = [keep]


def add_ids(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    if found := spans.current():
        line["trace_id"], line["span_id"] = found.trace, found.id
    return {name: line.get(name) for name in GRAMMAR} | dict(line)


def as_line(logger: WrappedLogger, method: str, line: EventDict) -> str:
    """The line as JSON, which is also kept for its job."""
    job = line["job"]
    whole = structlog.processors.format_exc_info(logger, method, line)
    text = redacted(json.dumps(whole, default=str))
    if job:
        for keep in _keep:
            keep(str(job), text)
    return text


def keep_for_its_job(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    as_line(logger, method, dict(line))
    return line


def without_nulls(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {name: value for name, value in line.items() if value is not None}


class OfLibraries(logging.Handler):
    """Writes what libraries log, in the same grammar."""

    def emit(self, record: logging.LogRecord) -> None:
        logger().log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


def catch_libraries_and_errors() -> None:
    """Log libraries' warnings and uncaught errors as JSON lines, for this whole process."""
    logging.basicConfig(level=logging.WARNING, handlers=[OfLibraries()], force=True)
    logging.captureWarnings(True)

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        logger().critical("uncaught", exc_info=(kind, error, trace))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value and args.exc_type is not SystemExit:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
