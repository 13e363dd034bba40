"""Keeps log lines and spans of each job in the container `logs`: `<job>/<service>-<replica>.jsonl`.

They are appended in another thread two seconds after they come, so that what a killed process
had said until then is kept. A delivery that goes on is noted with what it has used so far: with
other lines, and else once in a while. Nothing is sent while nothing goes on. While storage doesn't
answer, the newest lines are kept in memory, up to a limit.
"""

import json
import threading
from collections import deque
from typing import Any

from azure.core.exceptions import AzureError

from shared.blobs import Container
from shared.errors import Forbidden, StorageError, Unavailable, Unprepared
from shared.logs import logger
from shared.telemetry.redaction import redacted
from shared.telemetry.spans import Span

log = logger()
#: What a killed process has said within this time is lost; a shorter time costs more requests.
FLUSH_SECONDS = 2.0
#: How often at least it is noted what a delivery has used so far.
USED_SECONDS = 15.0
CLOSE_SECONDS = 5.0
LONGEST_PAUSE = 30.0
#: Of all lines that wait. Beyond it the oldest are dropped.
MOST_WAITING = 4 << 20
#: Azure's limit on one append is 4 MiB for all versions.
MOST_AT_ONCE = 2 << 20
#: Where a job's log of one process ends, so that no job fills the account.
LARGEST_BLOB = 64 << 20


class JobLog:
    """A sink of spans, and of log lines."""

    def __init__(self, logs: Container, writer: str) -> None:
        logs.outage_seconds = 0
        self._logs = logs
        self._writer = writer
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._size = 0
        #: Deliveries that haven't ended: should the process die, they are known.
        self._open: dict[str, Span] = {}
        self._full: set[str] = set()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._flush_often, name="job log", daemon=True)
        self._thread.start()

    def add(self, job: str, line: str) -> None:
        data = line.encode("utf-8", "replace") + b"\n"
        with self._lock:
            self._waiting.append((job, data))
            self._size += len(data)
            while self._size > MOST_WAITING:
                self._size -= len(self._waiting.popleft()[1])
        self._something.set()

    def began(self, span: Span) -> None:
        if span.kind == "consumer":
            with self._lock:
                self._open[span.id] = span
            self._something.set()

    def ended(self, span: Span) -> None:
        with self._lock:
            self._open.pop(span.id, None)
        self.add(span.job, span_line(span, self._writer))

    def close(self) -> None:
        """Append what waits, and send no more."""
        self._closing.set()
        self._something.set()
        self._thread.join(CLOSE_SECONDS)

    def _flush_often(self) -> None:
        pause = FLUSH_SECONDS
        while not self._closing.is_set():
            self._something.wait(USED_SECONDS if self._open else None)
            self._closing.wait(pause)
            self._something.clear()
            failed = not self._flush()
            if failed:
                self._something.set()
            pause = min(LONGEST_PAUSE, pause * 2) if failed else FLUSH_SECONDS

    def _flush(self) -> bool:
        """Append all lines that wait, one request for each job; return whether that was done."""
        with self._lock:
            begun = list(self._open.values())
            self._waiting.extend((span.job, begun_line(span, self._writer)) for span in begun)
            waiting, self._waiting, self._size = list(self._waiting), deque(), 0
        lines: dict[str, list[bytes]] = {}
        for job, line in waiting:
            lines.setdefault(job, []).append(line)
        for job in list(lines):
            try:
                self._append(job, lines[job])
            except (Unavailable, Forbidden, Unprepared):
                self._keep(lines)
                return False
            except (StorageError, AzureError) as error:  # it would hold up all others for ever
                self._full.add(self._name(job))
                log.warning("a job's log can't be kept", job=job, why=str(error).partition("\n")[0])
            del lines[job]
        return True

    def _append(self, job: str, lines: list[bytes]) -> None:
        name = self._name(job)
        while lines and name not in self._full:
            count, size = 1, len(lines[0])
            while count < len(lines) and size + len(lines[count]) <= MOST_AT_ONCE:
                size += len(lines[count])
                count += 1
            if not self._logs.append(name, b"".join(lines[:count]), LARGEST_BLOB):
                self._full.add(name)
            del lines[:count]

    def _name(self, job: str) -> str:
        return f"{job}/{self._writer}.jsonl"

    def _keep(self, lines: dict[str, list[bytes]]) -> None:
        with self._lock:
            again = [(job, line) for job, of_job in lines.items() for line in of_job]
            self._waiting.extendleft(reversed(again))
            self._size += sum(len(line) for _, line in again)


def begun_line(span: Span, writer: str) -> bytes:
    told = described(span, writer)
    told["attributes"] = {**span.attributes, **span.used()}
    return redacted(json.dumps({"begun": told})).encode() + b"\n"


def span_line(span: Span, writer: str) -> str:
    return redacted(json.dumps({"span": described(span, writer)}))


def described(span: Span, writer: str) -> dict[str, Any]:
    """The span as `impasto trace` reads it (shared/control/traces.py)."""
    return {
        "name": span.name,
        "trace": span.trace,
        "id": span.id,
        "parent": span.parent,
        "kind": span.kind,
        "writer": writer,
        "start": span.start,
        "end": span.end,
        "attributes": span.attributes,
        "events": [
            {"name": event.name, "at": event.at, "attributes": dict(event.attributes)}
            for event in span.events
        ],
        "link": span.link.span if span.link else None,
        "error": span.error,
    }
