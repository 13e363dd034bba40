"""Runs the web service until it is told to stop."""

import logging
import os
import socket
import sys
import threading

import uvicorn
from pydantic import ValidationError

from services.web.app import application
from services.web.desk import Desk
from services.web.live import Live
from services.web.rights import RIGHTS
from services.web.settings import WebSettings
from shared import logs
from shared.errors import Misconfigured
from shared.runtime.access import Access
from shared.runtime.health import answer_http
from shared.runtime.heartbeat import beat, note_worked
from shared.runtime.serve import MISCONFIGURED
from shared.runtime.stop import Stop
from shared.settings import describe_error
from shared.storage import Storage
from shared.telemetry import redaction

TURN_SECONDS = 1.0
#: How long open pages may take to be told that the service leaves.
LEAVE_SECONDS = 2


def main() -> None:
    stop = Stop().on_signals()
    try:
        settings = WebSettings()
        redaction.remember([*settings.secrets(), *redaction.secrets_in(os.environ)])
        logs.configure("web", settings.log_level)
        logs.catch_libraries_and_errors()
        # It warns when more requests run at once than it keeps connections, which is no trouble.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        storage = Storage(settings.model_copy(update={"outage_seconds": 5}))
        desk = Desk(storage, settings)
        listener = bound(settings.web_address, settings.web_port)
    except (ValidationError, Misconfigured) as error:
        sys.stderr.write(f"web: {describe_error(error)}\n")
        sys.exit(MISCONFIGURED)
    except OSError as error:
        sys.exit(f"web: {error}")
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    if settings.heartbeat:
        stop.on_poll(beat(settings.heartbeat))
    if settings.health_port is not None:
        answer_http(settings.health_address, settings.health_port, settings.heartbeat)
    live = Live(desk.board)
    server = uvicorn.Server(
        uvicorn.Config(
            application(desk, live),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=LEAVE_SECONDS,
        )
    )
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True
    )
    thread.start()
    desk.board.start()
    log = logs.logger()
    log.info("started", pid=os.getpid(), port=listener.getsockname()[1])
    access = Access(storage, RIGHTS, settings.heartbeat)
    access.check()
    if settings.heartbeat:
        note_worked(settings.heartbeat)
    while not stop.wait(TURN_SECONDS):
        if not thread.is_alive():
            sys.exit("web: the server has ended")
    live.end()
    server.should_exit = True
    thread.join(LEAVE_SECONDS + 1)
    desk.board.close()
    log.info("left")


def bound(address: str, port: int) -> socket.socket:
    """A listening socket; raises OSError if the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    return listener


if __name__ == "__main__":
    main()
