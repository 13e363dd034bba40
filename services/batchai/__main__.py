"""Runs the local Batch AI until it is told to stop; then ends its jobs and leaves."""

import os
import sys
import threading
from functools import partial

from pydantic import ValidationError

from services.batchai.access import Authenticator, write_access
from services.batchai.api import Api
from services.batchai.echo import Echo
from services.batchai.server import bind, request_handler
from services.batchai.service import BatchAI
from services.batchai.settings import ServerSettings
from shared import logs
from shared.clusters.batchai.access import Access
from shared.errors import Misconfigured
from shared.runtime.heartbeat import beat
from shared.runtime.serve import MISCONFIGURED
from shared.runtime.stop import Stop
from shared.settings import describe_error

#: How often it looks what has changed: while jobs or nodes are there, and else.
ADVANCE_SECONDS = 0.1
CALM_SECONDS = 1.0


def main() -> None:
    stop = Stop().on_signals()
    try:
        settings = ServerSettings()
        logs.configure("batchai", settings.log_level)
        settings.batchai_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        last = Access.read(settings.batchai_folder)
        service = BatchAI(settings)
        http = bind(settings.batchai_host, settings.batchai_port, last.port if last else 0)
        access = write_access(settings, http.server_port)
    except (ValidationError, Misconfigured) as error:
        sys.stderr.write(f"batchai: {describe_error(error)}\n")
        sys.exit(MISCONFIGURED)
    except OSError as error:
        sys.exit(f"batchai: {error}")
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    if settings.heartbeat:
        stop.on_poll(beat(settings.heartbeat))
    http.RequestHandlerClass = request_handler(Api(service, Authenticator(access)).handle)
    threading.Thread(target=http.serve_forever, name="http", daemon=True).start()
    log = logs.logger()
    log.info("started", pid=os.getpid(), url=access.url)
    echo = Echo(service.job_paths, service.jobs()) if settings.echo_jobs else None
    while not stop.wait(ADVANCE_SECONDS if service.is_busy else CALM_SECONDS):
        service.advance()
        if echo:
            service.safely("echo", partial(echo.print_new_lines, service.jobs()))
    http.shutdown()
    service.close()
    if echo:
        service.safely("echo", partial(echo.print_new_lines, service.jobs()))
    log.info("left")


if __name__ == "__main__":
    main()
