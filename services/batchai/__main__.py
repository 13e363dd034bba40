"""Serves until told to stop; then ends every job first."""

import os
import threading

from services.batchai.access import Gate, known_access
from services.batchai.api import Api
from services.batchai.echo import Echo
from services.batchai.service import BatchAI
from services.batchai.settings import ServerSettings
from services.batchai.wire import bound, handler
from shared import logs
from shared.batchai.access import Access
from shared.runtime.heartbeat import beat
from shared.runtime.stop import Stop

ADVANCE_SECONDS = 0.1


def main() -> None:
    stop = Stop().on_signals()
    settings = ServerSettings()
    logs.configure("batchai", settings.log_level)
    if settings.tied_to_stdin:
        stop.on_end_of_stdin()
    if settings.heartbeat:
        stop.on_look(beat(settings.heartbeat))
    settings.batchai_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    last = Access.read(settings.batchai_folder)
    http = bound(settings.batchai_host, settings.batchai_port, last.port if last else 0)
    access = known_access(settings, http.server_port)
    service = BatchAI(settings)
    http.RequestHandlerClass = handler(Api(service, Gate(access)).answer)
    threading.Thread(target=http.serve_forever, name="http", daemon=True).start()
    log = logs.logger()
    log.info("started", pid=os.getpid(), url=access.url)
    echo = Echo(service.places, service.jobs()) if settings.echo_jobs else None
    while not stop.wait(ADVANCE_SECONDS):
        service.advance()
        if echo:
            echo.look(service.jobs())
    http.shutdown()
    service.close()
    if echo:
        echo.look(service.jobs())
    log.info("left")


if __name__ == "__main__":
    main()
