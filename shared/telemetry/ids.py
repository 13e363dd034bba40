"""Ids of traces and spans: a job's trace follows from its name; a traceparent names a span.

So all attempts, and all services that were killed and restarted, write to the same trace.
"""

import hashlib
import os
import re
from typing import NamedTuple

#: W3C's `traceparent`, version 00: trace, span, and flags, of which the lowest bit says sampled.
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED = 1


class SpanContext(NamedTuple):
    trace: str
    span: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span}-{int(self.sampled):02x}"


def parse_traceparent(text: str) -> SpanContext | None:
    """The span that the text names; None if it isn't a traceparent."""
    found = TRACEPARENT.fullmatch(text)
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    return SpanContext(found[1], found[2], bool(int(found[3], 16) & SAMPLED))


def trace_of(job: str) -> str:
    return _digest(f"trace of {job}")[:32]


def root_span_of(job: str) -> str:
    """The id of the span that lasts from the drop to the outcome."""
    return _digest(f"root span of {job}")[:16]


def new_span() -> str:
    return os.urandom(8).hex()


def is_sampled(trace: str, share: float) -> bool:
    """Whether a trace is among the share that is exported; every service decides the same."""
    return int(trace[16:], 16) < share * 2**64


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
