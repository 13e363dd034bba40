"""All records: in memory, and in a file that a restarted server goes on from."""

import sqlite3
from pathlib import Path
from typing import TypeVar

from services.batchai.records import Cluster, Experiment, Job, Record, Workspace

R = TypeVar("R", bound=Record)
KINDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Workspace, Cluster, Experiment, Job)
}


class Store:
    """Not for several threads at once: its owner holds a lock."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # a job's secrets are in there
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A write survives the death of this process, which is enough; the machine's would cost
        # a wait for the disk each time.
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, kind TEXT, body TEXT)"
        )
        rows = self._file.execute("SELECT kind, body FROM records ORDER BY rowid")
        records = [KINDS[kind].model_validate_json(body) for kind, body in rows]
        self._records = {record.id: record for record in records}

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

    def save(self, record: Record) -> None:
        self._records[record.id] = record
        self._file.execute(
            "INSERT INTO records VALUES (?1, ?2, ?3)"
            " ON CONFLICT (id) DO UPDATE SET kind = ?2, body = ?3",
            (record.id, type(record).__name__, record.model_dump_json()),
        )

    def remove(self, record: Record) -> None:
        del self._records[record.id]
        self._file.execute("DELETE FROM records WHERE id = ?", (record.id,))

    def close(self) -> None:
        self._file.close()
