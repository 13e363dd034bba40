"""Follows the log of a stack's Batch AI or dispatcher, for what its cluster does."""

from collections.abc import Iterator
from pathlib import Path

from shared.clusters.events import event_in


class ClusterEvents:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size

    def new(self) -> Iterator[str]:
        """A sentence for each event since the last call."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._read += len(lines) + len(newline)
        for line in lines.splitlines():
            if event := event_in(line):
                yield event.sentence
