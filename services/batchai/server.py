"""The HTTP server: a thread for each connection; connections that stay silent are closed."""

import contextvars
import json
import re
import sqlite3
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from services.batchai.http import FileRange, Request, Response, error, validation_message
from shared.errors import RequestRefused
from shared.logs import logger

log = logger()
LONGEST_BODY = 1 << 20
COPY_BYTES = 1 << 16
SILENT_SECONDS = 60
MOST_THREADS = 256


def bind(host: str, port: int, preferred: int) -> ThreadingHTTPServer:
    """A server on that port; if it is 0, on the preferred one, or else on any free one."""
    try:
        return Server((host, port or preferred), BaseHTTPRequestHandler)
    except OSError:
        if port:
            raise
        return Server((host, 0), BaseHTTPRequestHandler)


class Server(ThreadingHTTPServer):
    """Closes new connections at once while there are too many."""

    def verify_request(self, request: object, client_address: object) -> bool:
        return threading.active_count() <= MOST_THREADS

    def handle_error(self, request: object, client_address: object) -> None:
        log.info("connection lost", why=str(sys.exception()))


def request_handler(handle: Callable[[Request], Response]) -> type[BaseHTTPRequestHandler]:
    context = contextvars.copy_context()  # log fields, which threads don't inherit

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "BatchAI"
        timeout = SILENT_SECONDS
        # Headers and body are two writes; Nagle's algorithm would delay the second.
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            response = self._handle()
            if isinstance(response.body, FileRange):
                self._send_head(response, "application/octet-stream", response.body.length)
                self._send_file(response.body)
                return
            body = b"" if response.body is None else json.dumps(response.body).encode()
            self._send_head(response, "application/json", len(body))
            self.wfile.write(body)

        def _send_head(self, response: Response, kind: str, length: int) -> None:
            self.send_response(response.status)
            headers = {"Content-Type": kind, "Content-Length": str(length), **response.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _send_file(self, part: FileRange) -> None:
            left = part.length
            with part.path.open("rb") as file:
                file.seek(part.start)
                while left and (some := file.read(min(left, COPY_BYTES))):
                    self.wfile.write(some)
                    left -= len(some)
            self.close_connection = self.close_connection or left > 0  # the file was truncated

        def _handle(self) -> Response:
            try:
                return context.copy().run(handle, self._request())
            except RequestRefused as refusal:
                return error(refusal.status, refusal.code, str(refusal))
            except sqlite3.Error as failure:
                return error(507, "InsufficientStorage", f"can't write the database: {failure}")
            except TimeoutError:
                self.close_connection = True  # the rest of the body may still arrive
                return error(408, "RequestTimeout", "the body didn't arrive in time")
            except ValidationError as invalid:
                return error(400, "InvalidRequestContent", validation_message(invalid))
            except Exception:
                log.exception("request failed", method=self.command, path=self.path)
                return error(500, "InternalServerError", "see the log of the local Batch AI")

        def _request(self) -> Request:
            given = self.headers.get("Content-Length") or "0"
            length = int(given) if re.fullmatch("[0-9]{1,9}", given) else LONGEST_BODY + 1
            if length > LONGEST_BODY or "Transfer-Encoding" in self.headers:
                self.close_connection = True  # where the next request begins isn't known
                raise RequestRefused(
                    413, "RequestTooLarge", "the body must have a known length, at most 1 MiB"
                )
            try:
                parts = urlsplit(self.path)
            except ValueError:
                raise RequestRefused(400, "InvalidUrl", "this isn't a URL") from None
            return Request(
                method=self.command,
                base_url=f"http://{self.headers['Host']}",
                path=parts.path,
                query={name.lower(): value for name, value in parse_qsl(parts.query)},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            log.debug("request", line=format % args)

    return Handler
