"""Keeps under its job what a worker's process writes that is no log line of ours.

Such lines come from a library that crashes, or from a scorer that prints.
"""

import json
import mmap
import re
import struct
from datetime import UTC, datetime
from typing import Any

from shared import logs
from shared.telemetry.job_log import JobLog
from shared.telemetry.redaction import redacted
from shared.telemetry.spans import Span

#: A longer line is cut at the last blank before this.
LONGEST_LINE = 1 << 16
ENDS = re.compile(rb"[\r\n]")
OURS = b'{"timestamp": "'
LENGTH = struct.Struct("I")


class CurrentWork:
    """A sink of spans: what the worker handles, in memory that it shares with its parent."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def began(self, span: Span) -> None:
        if span.kind == "consumer":
            ids = {"job": span.job, "trace_id": span.trace, "span_id": span.id}
            told = ("segment", "chunk", "attempt")
            self._write(ids | {name: span.attributes.get(f"impasto.{name}") for name in told})

    def ended(self, span: Span) -> None:
        if span.kind == "consumer":
            self._write({})

    def read(self) -> dict[str, Any]:
        """Empty while no message is handled, and in the moment of a change."""
        [length] = LENGTH.unpack_from(self._memory)
        try:
            found = json.loads(self._memory[LENGTH.size : LENGTH.size + length])
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, work: dict[str, Any]) -> None:
        data = json.dumps(work).encode()[: mmap.PAGESIZE - LENGTH.size]
        LENGTH.pack_into(self._memory, 0, 0)
        self._memory[LENGTH.size : LENGTH.size + len(data)] = data
        LENGTH.pack_into(self._memory, 0, len(data))


class RawOutput:
    def __init__(self, service: str, work: CurrentWork, job_log: JobLog) -> None:
        self._constant = {
            "service": service,
            "version": logs.version(),
            "replica": logs.replica(),
        }
        self._work = work
        self._job_log = job_log
        #: Of each stream, the line that hasn't ended yet.
        self._begun: dict[str, bytes] = {}

    def add(self, stream: str, data: bytes) -> None:
        *lines, begun = ENDS.split(self._begun.get(stream, b"") + data)
        # Of a line that is too long, its beginning; one byte more says that it is.
        self._begun[stream] = begun[: LONGEST_LINE + 1]
        for line in lines:
            self._keep_line(stream, line)

    def close(self, death: str | None) -> None:
        """Keep the last lines, and what has killed the process."""
        for stream in list(self._begun):
            self.add(stream, b"\n")
        if death:
            self._keep("error", death)

    def _keep_line(self, stream: str, line: bytes) -> None:
        if line.startswith(OURS):
            return
        if len(line) > LONGEST_LINE:  # a secret isn't cut in two
            line = line[:LONGEST_LINE].rpartition(b" ")[0] + " …".encode()
        if text := line.decode(errors="replace").strip():
            self._keep("info", text, stream)

    def _keep(self, level: str, event: str, stream: str | None = None) -> None:
        work = self._work.read()
        if not work.get("job"):
            return
        line = dict.fromkeys(logs.GRAMMAR) | self._constant | work
        line |= {"level": level, "event": event, "timestamp": datetime.now(UTC).isoformat()}
        if stream:
            line["stream"] = stream
        self._job_log.add(work["job"], redacted(json.dumps(line)))
