"""Logs the measured metrics from time to time, for alerts that read logs (deploy/alerts.json)."""

import threading

from shared.logs import logger
from shared.telemetry.metrics import measured_now

log = logger()


class LoggedMetrics:
    def __init__(self, every: float) -> None:
        self._every = every
        self._closing = threading.Event()
        threading.Thread(target=self._log_often, name="logged metrics", daemon=True).start()

    def close(self) -> None:
        self._closing.set()

    def _log_often(self) -> None:
        while not self._closing.wait(self._every):
            log.info("metrics", **measured_now())
