"""Whether the service may do what it will do: asked at start, and again after a refusal."""

from pathlib import Path

from shared.logs import logger
from shared.needs import Needs
from shared.runtime.heartbeat import say_ready
from shared.storage import Storage

log = logger()


class Access:
    def __init__(self, storage: Storage, needs: Needs, heartbeat: Path | None) -> None:
        self._storage = storage
        self._needs = needs
        self._heartbeat = heartbeat
        self.sure = False
        self._said: list[str] = []

    def recheck(self) -> None:
        """Storage has refused something: look again before anything else is taken."""
        self.sure = False

    def check(self) -> bool:
        unmet = self._needs.unmet(self._storage)
        if unmet != self._said:
            for why in unmet:
                log.error("not ready", why=why)
            self._said = unmet
        if self._heartbeat:
            say_ready(self._heartbeat, unmet)
        self.sure = not unmet
        if self.sure:
            log.info("ready")
        return self.sure
