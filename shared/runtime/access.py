"""Checks at start, and again after a refusal, whether the service has the rights that it needs."""

from pathlib import Path

from shared.logs import logger
from shared.rights import Rights
from shared.runtime.heartbeat import note_ready
from shared.storage import Storage

log = logger()


class Access:
    def __init__(self, storage: Storage, rights: Rights, heartbeat: Path | None) -> None:
        self._storage = storage
        self._rights = rights
        self._heartbeat = heartbeat
        self.confirmed = False
        self._logged: list[str] = []
        #: How many rights were missing at the last check.
        self.missing = 0

    def recheck(self) -> None:
        """Check again before the next message, as storage has refused something."""
        self.confirmed = False

    def check(self) -> bool:
        missing = self._rights.missing(self._storage)
        if missing != self._logged:
            for why in missing:
                log.error("not ready", why=why)
            self._logged = missing
        if self._heartbeat:
            note_ready(self._heartbeat, missing)
        self.confirmed, self.missing = not missing, len(missing)
        if self.confirmed:
            log.info("ready")
        return self.confirmed
