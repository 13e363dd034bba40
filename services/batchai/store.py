"""All records: in memory, and in a file that a restarted server goes on from."""

import sqlite3
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from services.batchai.records import Cluster, Experiment, Job, Record, Workspace
from shared.errors import Misconfigured
from shared.logs import logger

log = logger()
R = TypeVar("R", bound=Record)
KINDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Workspace, Cluster, Experiment, Job)
}


class Store:
    """Not for several threads at once: its owner holds a lock."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # a job's secrets are in there
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._records: dict[str, Record] = {}
        #: What the file hasn't taken yet.
        self._late: dict[str, Record] = {}
        self._behind = False
        try:
            # A write survives the death of this process, which is enough; the machine's would cost
            # a wait for the disk each time.
            self._file.execute("PRAGMA synchronous=OFF")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, kind TEXT, body TEXT)"
            )
            for row in self._file.execute("SELECT id, kind, body FROM records ORDER BY rowid"):
                self._read(*row)
        except sqlite3.Error as error:
            raise Misconfigured(f"the records in {path} can't be used: {error}") from error

    def find(self, kind: type[R], record_id: str) -> R | None:
        record = self._records.get(record_id)
        return record if isinstance(record, kind) else None

    def all(self, kind: type[R], under: str = "/") -> list[R]:
        """In the order they were made; `under` is the start of their ids."""
        return [
            record
            for record in self._records.values()
            if isinstance(record, kind) and record.id.startswith(under)
        ]

    def add(self, record: Record) -> None:
        """Raises `sqlite3.Error` if the file can't take it; then it isn't kept in memory either."""
        self._write(record)
        self._records[record.id] = record

    def save(self, record: Record) -> None:
        """In memory at once; in the file too, or as soon as it takes it again."""
        self._records[record.id] = record
        self._late[record.id] = record
        self.catch_up()

    def remove(self, record: Record) -> None:
        del self._records[record.id]
        self._late[record.id] = record
        self.catch_up()

    def catch_up(self) -> None:
        for record in list(self._late.values()):
            try:
                if record.id in self._records:
                    self._write(record)
                else:
                    self._file.execute("DELETE FROM records WHERE id = ?", (record.id,))
            except sqlite3.Error as error:
                if not self._behind:
                    log.error("records can't be written; trying again", why=str(error))
                self._behind = True
                return
            del self._late[record.id]
        self._behind = False

    def close(self) -> None:
        self._file.close()

    def _read(self, record_id: str, kind: str, body: str) -> None:
        try:
            self._records[record_id] = KINDS[kind].model_validate_json(body)
        except (KeyError, ValidationError) as error:
            log.error("a record can't be read", id=record_id, kind=kind, why=str(error)[:500])

    def _write(self, record: Record) -> None:
        self._file.execute(
            "INSERT INTO records VALUES (?1, ?2, ?3)"
            " ON CONFLICT (id) DO UPDATE SET kind = ?2, body = ?3",
            (record.id, type(record).__name__, record.model_dump_json()),
        )
