"""A job's trace, from the spans that its services kept."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from shared.control.job_lines import Line
from shared.telemetry.ids import SpanContext, trace_of
from shared.telemetry.spans import Event, Span

SECOND = 10**9


class SpanEvent(BaseModel):
    name: str
    at: int
    attributes: dict[str, Any] = {}


class KeptSpan(BaseModel):
    """Times are nanoseconds since 1970. `end` is None where its process died in it."""

    name: str
    trace: str
    id: str
    parent: str | None
    kind: str
    writer: str
    start: int
    end: int | None
    attributes: dict[str, Any]
    events: list[SpanEvent]
    link: str | None
    error: str | None

    @property
    def service(self) -> str:
        return self.writer.partition("-")[0]

    @property
    def sent(self) -> int:
        """When its message was sent, by storage's clock, to a second; its start if unknown."""
        return self.start - int(self.attributes.get("impasto.waited_seconds", 0) * SECOND)

    def as_sent(self, job: str) -> Span:
        """As services export it."""
        return Span(
            self.name,
            self.trace,
            job,
            self.parent,
            self.id,
            kind="consumer" if self.kind == "consumer" else "internal",
            start=self.start,
            end=self.end or self.start,
            attributes={**self.attributes, "impasto.writer": self.writer},
            events=[Event(each.name, each.at, each.attributes) for each in self.events],
            link=SpanContext(self.trace, self.link) if self.link else None,
            error=self.error or (None if self.end else "its process died"),
        )


class Trace(BaseModel):
    job: str
    trace: str
    spans: list[KeptSpan]

    @property
    def handlings(self) -> list[KeptSpan]:
        """One for each delivery, in the order in which they began."""
        return [span for span in self.spans if span.kind == "consumer"]

    @cached_property
    def _by_id(self) -> dict[str, KeptSpan]:
        return {span.id: span for span in self.spans}

    def sent(self, span: KeptSpan) -> int:
        """When its message was sent: by the span that sent it, or else by storage's clock."""
        sender = self._by_id.get(span.link or "")
        return min(span.start, sender.end or sender.start) if sender else span.sent

    @property
    def begin(self) -> int:
        return min(min(self.sent(span), span.start) for span in self.spans)

    @property
    def end(self) -> int:
        return max(span.end or span.start for span in self.spans)

    def parts_of(self, handling: KeptSpan) -> list[KeptSpan]:
        return [
            span for span in self.spans if span.parent == handling.id and span.kind == "internal"
        ]

    @property
    def began(self) -> datetime:
        return datetime.fromtimestamp(self.begin / SECOND, UTC)


def trace_from(job: str, lines: Iterable[Line]) -> Trace:
    """The trace of a job from what was kept of it.

    Of a span that ended that counts, and else what was last noted of it.
    """
    found: dict[str, KeptSpan] = {}
    for line in lines:
        if "begun" in line:
            span = KeptSpan.model_validate(line["begun"])
            if span.id not in found or not found[span.id].end:
                found[span.id] = span
        elif "span" in line:
            span = KeptSpan.model_validate(line["span"])
            found[span.id] = span
    ordered = sorted(found.values(), key=lambda span: span.start)
    return Trace(job=job, trace=trace_of(job), spans=ordered)
