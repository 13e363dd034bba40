"""Spans: what took from when to when, and what happened in it. Sinks are told of each.

A span is cheap: without a sink nothing is kept of it, and no library is loaded for it.
"""

import contextvars
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.telemetry.ids import SpanContext, new_span
from shared.telemetry.redaction import redacted

Kind = Literal["internal", "consumer", "producer"]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    at: int
    attributes: Mapping[str, Value]


@dataclass(slots=True)
class Span:
    """Times are nanoseconds since 1970."""

    name: str
    trace: str
    job: str
    parent: str | None = None
    id: str = field(default_factory=new_span)
    kind: Kind = "internal"
    sampled: bool = True
    start: int = field(default_factory=time.time_ns)
    end: int | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    #: The span that sent the message.
    link: SpanContext | None = None
    error: str | None = None
    #: Attributes of what it has used so far.
    used: Callable[[], Mapping[str, Value]] = dict

    @property
    def context(self) -> SpanContext:
        return SpanContext(self.trace, self.id, self.sampled)

    def add_event(self, name: str, **attributes: Value) -> None:
        clean = {
            key: redacted(value) if isinstance(value, str) else value
            for key, value in attributes.items()
        }
        self.events.append(Event(name, time.time_ns(), clean))

    def fail(self, error: BaseException | str) -> None:
        what = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.error = redacted(what)[:1000]


class Sink(Protocol):
    def began(self, span: Span) -> None: ...

    def ended(self, span: Span) -> None: ...


#: Of this process. Empty unless something keeps or exports spans.
sinks: list[Sink] = []


def no_library(_span: Span) -> AbstractContextManager[None]:
    return nullcontext()


class Libraries:
    """How the spans of libraries become children of ours; otlp.py sets it."""

    inside: Callable[[Span], AbstractContextManager[None]] = staticmethod(no_library)


_current: contextvars.ContextVar[Span | None] = contextvars.ContextVar("span", default=None)


def current() -> Span | None:
    return _current.get()


@contextmanager
def recording(span: Span) -> Iterator[Span]:
    """Make it the current span, and tell the sinks when it begins and ends."""
    token = _current.set(span)
    for sink in sinks:
        sink.began(span)
    try:
        with Libraries.inside(span):
            yield span
    except BaseException as error:
        span.fail(error)
        raise
    finally:
        _current.reset(token)
        finish(span)


def finish(span: Span) -> None:
    span.end = time.time_ns()
    for sink in sinks:
        sink.ended(span)


@contextmanager
def span(name: str, kind: Kind = "internal", **attributes: Value) -> Iterator[Span | None]:
    """A part of the current span; nothing, and None, if there is none or no sink."""
    parent = _current.get()
    if parent is None or not sinks:
        yield None
        return
    with recording(child_of(parent, name, kind, attributes)) as child:
        yield child


def child_of(parent: Span, name: str, kind: Kind, attributes: dict[str, Value]) -> Span:
    return Span(
        name,
        parent.trace,
        parent.job,
        parent.id,
        kind=kind,
        sampled=parent.sampled,
        attributes=attributes,
    )


def add_event(name: str, **attributes: Value) -> None:
    """Add an event to the current span, if there is one."""
    if found := _current.get():
        found.add_event(name, **attributes)
