"""Answers the HTTP probes `/livez` and `/readyz` from the heartbeat file: 200, or 503 and why."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from shared.runtime.heartbeat import why_not_ready, why_stuck


def answer_probes(port: int, heartbeat: Path) -> ThreadingHTTPServer:
    """Answer on all addresses, in threads that don't keep the service from leaving."""
    server = ThreadingHTTPServer(("", port), handler_of(heartbeat))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def handler_of(heartbeat: Path) -> type[BaseHTTPRequestHandler]:
    checks: dict[str, Callable[[], str | None]] = {
        "/livez": lambda: why_stuck(heartbeat),
        "/readyz": lambda: why_stuck(heartbeat) or why_not_ready(heartbeat),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            check = checks.get(self.path)
            trouble = check() if check else None
            self.send_response(404 if check is None else 503 if trouble else 200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write((trouble or "ok").encode() if check else b"")

        def log_message(self, *_args: object) -> None:
            """A probe every few seconds is no news."""

    return Handler
