"""The HTTP server: a thread for each connection, which is closed when it is silent for too long."""

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

from services.batchai.wire import Answer, Part, Request, error, plainly
from shared.errors import RequestRefused
from shared.logs import logger

log = logger()
LONGEST_BODY = 1 << 20
COPY_BYTES = 1 << 16
SILENT_SECONDS = 60
MOST_THREADS = 256


def bound(host: str, port: int, wished: int) -> ThreadingHTTPServer:
    """A server at that port; if it is 0, at the one wished for, or at any other that is free."""
    try:
        return Server((host, port or wished), BaseHTTPRequestHandler)
    except OSError:
        if port:
            raise
        return Server((host, 0), BaseHTTPRequestHandler)


class Server(ThreadingHTTPServer):
    """Closes a connection at once where there are too many."""

    def verify_request(self, request: object, client_address: object) -> bool:
        return threading.active_count() <= MOST_THREADS

    def handle_error(self, request: object, client_address: object) -> None:
        log.info("a client went away", why=str(sys.exception()))


def handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    context = contextvars.copy_context()  # what every line of log says, which threads don't inherit

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "BatchAI"
        timeout = SILENT_SECONDS
        # Headers and body are two writes; without this the second waits for the first's receipt.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            result = self._refusing()
            if isinstance(result.body, Part):
                self._head(result, "application/octet-stream", result.body.length)
                self._send(result.body)
                return
            whole = b"" if result.body is None else json.dumps(result.body).encode()
            self._head(result, "application/json", len(whole))
            self.wfile.write(whole)

        def _head(self, result: Answer, kind: str, length: int) -> None:
            self.send_response(result.status)
            headers = {"Content-Type": kind, "Content-Length": str(length), **result.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _send(self, part: Part) -> None:
            left = part.length
            with part.path.open("rb") as file:
                file.seek(part.start)
                while left and (some := file.read(min(left, COPY_BYTES))):
                    self.wfile.write(some)
                    left -= len(some)
            self.close_connection = self.close_connection or left > 0  # it has become shorter

        def _refusing(self) -> Answer:
            try:
                return context.copy().run(answer, self._request())
            except RequestRefused as refusal:
                return error(refusal.status, refusal.code, str(refusal))
            except sqlite3.Error as trouble:
                return error(507, "InsufficientStorage", f"records can't be written: {trouble}")
            except TimeoutError:
                self.close_connection = True  # the rest of the body may still come
                return error(408, "RequestTimeout", "the body didn't come")
            except ValidationError as trouble:
                return error(400, "InvalidRequestContent", plainly(trouble))
            except Exception:
                log.exception("a request failed", method=self.command, path=self.path)
                return error(500, "InternalServerError", "see the log of the local Batch AI")

        def _request(self) -> Request:
            said = self.headers.get("Content-Length") or "0"
            length = int(said) if re.fullmatch("[0-9]{1,9}", said) else LONGEST_BODY + 1
            if length > LONGEST_BODY or "Transfer-Encoding" in self.headers:
                self.close_connection = True  # where the next request begins isn't known
                raise RequestRefused(
                    413, "RequestTooLarge", "a body of 1 MiB at most, and of known length"
                )
            try:
                parts = urlsplit(self.path)
            except ValueError:
                raise RequestRefused(400, "InvalidUrl", "that isn't a URL") from None
            return Request(
                method=self.command,
                base=f"http://{self.headers['Host']}",
                path=parts.path,
                query={name.lower(): value for name, value in parse_qsl(parts.query)},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            log.debug("request", line=format % args)

    return Handler
