"""The HTTP port of a service: `/metrics` for Prometheus, and the probes `/livez` and `/readyz`.

The probes answer from the heartbeat file: 200, or 503 and why.
"""

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.logs import logger
from shared.runtime.heartbeat import why_not_ready, why_stuck
from shared.settings import Settings
from shared.telemetry.metrics import REGISTRY

log = logger()
PLAIN = "text/plain; charset=utf-8"
Answer = tuple[int, str, bytes]
S = TypeVar("S", bound=Settings)


def with_heartbeat(settings: S) -> S:
    """The probes need a file: without IMPASTO_HEARTBEAT one in a folder that ends with the process.

    A job of Batch AI has a folder for that, which is deleted though the process was killed.
    """
    if settings.health_port is None or settings.heartbeat:
        return settings
    folder = tempfile.mkdtemp(prefix="impasto-", dir=os.environ.get("AZ_BATCHAI_JOB_TEMP"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return settings.model_copy(update={"heartbeat": Path(folder) / "heartbeat"})


def answer_http(address: str, port: int, heartbeat: Path | None) -> ThreadingHTTPServer | None:
    """Answer in threads that don't keep the service from leaving; None if the port is in use."""
    try:
        server = ThreadingHTTPServer((address, port), handler_of(heartbeat))
    except OSError as error:
        log.error("can't answer http", address=address, port=port, why=str(error))
        return None
    log.info("answering http", address=address, port=server.server_port)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


def handler_of(heartbeat: Path | None) -> type[BaseHTTPRequestHandler]:
    pages: dict[str, Callable[[], Answer]] = {
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)),
    }
    if heartbeat:
        pages["/livez"] = lambda: verdict(why_stuck(heartbeat))
        pages["/readyz"] = lambda: verdict(why_stuck(heartbeat) or why_not_ready(heartbeat))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            status, kind, body = page() if page else (404, PLAIN, b"")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """A probe every few seconds is no news."""

    return Handler


def verdict(trouble: str | None) -> Answer:
    return 503 if trouble else 200, PLAIN, (trouble or "ok").encode()
