"""Stores all resources in memory and in a SQLite database, which a restarted server reads."""

import sqlite3
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from services.batchai.resources import BatchCluster, BatchJob, Experiment, Resource, Workspace
from shared.errors import Misconfigured
from shared.logs import logger

log = logger()
R = TypeVar("R", bound=Resource)
KINDS: dict[str, type[Resource]] = {
    each.kind: each for each in (Workspace, BatchCluster, Experiment, BatchJob)
}


class Store:
    """Not thread-safe: callers hold `BatchAI.lock`."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # it contains jobs' secrets
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._resources: dict[str, Resource] = {}
        #: Not written to the database yet.
        self._unwritten: dict[str, Resource] = {}
        self._behind = False
        try:
            # Writes survive a crash of this process, but not of the machine: that would need a
            # wait for the disk at every write.
            self._file.execute("PRAGMA synchronous=OFF")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, kind TEXT, body TEXT)"
            )
            for row in self._file.execute("SELECT id, kind, body FROM records ORDER BY rowid"):
                self._read(*row)
        except sqlite3.Error as error:
            raise Misconfigured(f"the database {path} can't be used: {error}") from error

    def find(self, kind: type[R], resource_id: str) -> R | None:
        resource = self._resources.get(resource_id)
        return resource if isinstance(resource, kind) else None

    def all(self, kind: type[R], prefix: str = "/") -> list[R]:
        """In order of creation; `prefix` is how their ids begin."""
        return [
            resource
            for resource in self._resources.values()
            if isinstance(resource, kind) and resource.id.startswith(prefix)
        ]

    def add(self, resource: Resource) -> None:
        """Raises `sqlite3.Error` if it can't be written; then it isn't kept in memory either."""
        self._write(resource)
        self._resources[resource.id] = resource

    def save(self, resource: Resource) -> None:
        """In memory at once, and in the database as soon as that can be written."""
        self._resources[resource.id] = resource
        self._unwritten[resource.id] = resource
        self.catch_up()

    def remove(self, resource: Resource) -> None:
        del self._resources[resource.id]
        self._unwritten[resource.id] = resource
        self.catch_up()

    def catch_up(self) -> None:
        """Write what couldn't be written earlier."""
        for resource in list(self._unwritten.values()):
            try:
                if resource.id in self._resources:
                    self._write(resource)
                else:
                    self._file.execute("DELETE FROM records WHERE id = ?", (resource.id,))
            except sqlite3.Error as error:
                if not self._behind:
                    log.error("the database can't be written; trying again", why=str(error))
                self._behind = True
                return
            del self._unwritten[resource.id]
        self._behind = False

    def close(self) -> None:
        self._file.close()

    def _read(self, resource_id: str, kind: str, body: str) -> None:
        try:
            self._resources[resource_id] = KINDS[kind].model_validate_json(body)
        except (KeyError, ValidationError) as error:
            log.error("a resource can't be read", id=resource_id, kind=kind, why=str(error)[:500])

    def _write(self, resource: Resource) -> None:
        self._file.execute(
            "INSERT INTO records VALUES (?1, ?2, ?3)"
            " ON CONFLICT (id) DO UPDATE SET kind = ?2, body = ?3",
            (resource.id, resource.kind, resource.model_dump_json()),
        )
